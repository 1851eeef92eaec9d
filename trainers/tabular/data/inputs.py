"""Numeric inputs as networks get them, by statistics of the training rows alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from trainers.tabular.data.quantiles import fit_quantiles, to_normal

InputKind = Literal["standard", "quantile", "robust"]
INPUT_KINDS: tuple[InputKind, ...] = ("standard", "quantile", "robust")
EPSILON = 1e-8
"""Is added to a standard deviation, as in the first version of the three models."""


@dataclass(frozen=True)
class InputStatistics:
    """What prepares numeric columns; float64, so that equal rows give equal statistics."""

    kind: InputKind
    fill: Tensor
    """[F] what stands for a missing value: the median of the training rows."""
    shift: Tensor
    """[F] is subtracted: the mean (standard) or the median (robust)."""
    factor: Tensor
    """[F] multiplies."""
    quantiles: Tensor
    """[Q, F] values at equal steps of probability; [0, F] where the kind is not quantile."""

    @classmethod
    def fit(cls, kind: InputKind, numeric_NF: Tensor) -> InputStatistics:
        """Return the statistics of training rows, in which NaN is what is missing."""
        x = numeric_NF.double()
        fill = _median(x)
        x = torch.where(torch.isnan(x), fill, x)
        quantiles = torch.empty(0, x.shape[1], dtype=torch.float64)
        if kind == "standard":
            spread = x.std(dim=0) if len(x) > 1 and x.shape[1] else torch.zeros_like(fill)
            return cls(kind, fill, x.mean(dim=0), 1 / (spread + EPSILON), quantiles)
        if kind == "robust":
            return cls(kind, fill, fill, _robust_factor(x), quantiles)
        quantiles = fit_quantiles(x) if x.shape[1] else quantiles
        return cls(kind, fill, torch.zeros_like(fill), torch.ones_like(fill), quantiles)

    def apply(self, numeric_NF: Tensor) -> Tensor:
        """Return [N, F] float32 inputs without NaN."""
        x = numeric_NF.double()
        x = torch.where(torch.isnan(x), self.fill.to(x.device), x)
        if self.kind == "quantile":
            return to_normal(x, self.quantiles.to(x.device)).float()
        x = (x - self.shift.to(x.device)) * self.factor.to(x.device)
        if self.kind == "robust":  # smooth clipping to ±3, as RealMLP does it
            x = x / torch.sqrt(1 + (x / 3) ** 2)
        return x.float()

    def to_json(self) -> dict[str, Any]:
        """Return the statistics as JSON types."""
        names = ("fill", "shift", "factor", "quantiles")
        return {"kind": self.kind, **{name: getattr(self, name).tolist() for name in names}}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> InputStatistics:
        """Return what `to_json` described."""
        fill, shift, factor = (_tensor(value[name]) for name in ("fill", "shift", "factor"))
        quantiles = _tensor(value["quantiles"])
        return cls(value["kind"], fill, shift, factor, quantiles.reshape(len(quantiles), len(fill)))


def _tensor(value: Any) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def _median(x_NF: Tensor) -> Tensor:
    values = x_NF.numpy()
    if not values.size:
        return torch.zeros(values.shape[1], dtype=torch.float64)
    known = np.where(np.isnan(values).all(axis=0), 0.0, values)  # a column of which a fold has nothing
    return torch.from_numpy(np.nanmedian(known, axis=0))


def _robust_factor(x_NF: Tensor) -> Tensor:
    """Return 1 / (third quartile - first), 2 / range where that is 0, and 0 where the column is constant."""
    # torch.quantile refuses more than 16 million values.
    low, first, third, high = torch.from_numpy(np.quantile(x_NF.numpy(), (0.0, 0.25, 0.75, 1.0), axis=0))
    spread = torch.where(third > first, third - first, (high - low) / 2)
    return torch.where(spread > 0, 1 / spread.clamp_min(1e-300), torch.zeros_like(spread))
