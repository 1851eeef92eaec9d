"""Targets as networks are trained on them: transformed, standardised by the training rows, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from trainers.common.errors import BadInput
from trainers.tabular.data.inputs import EPSILON
from trainers.tabular.data.quantiles import fit_quantiles, from_normal, to_normal

Transform = Literal["none", "log", "asinh", "quantile"]
TRANSFORMS: tuple[Transform, ...] = ("none", "log", "asinh", "quantile")


@dataclass(frozen=True)
class TargetStatistics:
    """What prepares the targets of a regression, and turns predictions back to their units; float64."""

    transforms: tuple[Transform, ...]
    scale: Tensor
    """[T] what asinh divides by: the median size of the training rows' values; 1 for other transforms."""
    shift: Tensor
    """[T] mean of what is transformed."""
    spread: Tensor
    """[T] its standard deviation."""
    quantiles: tuple[Tensor, ...]
    """Of each target [Q]; [0] where its transform is not quantile."""

    @classmethod
    def fit(
        cls, transforms: Sequence[Transform], targets_NT: Tensor, names: Sequence[str]
    ) -> TargetStatistics:
        """Return the statistics of training rows, where NaN is no valid target.

        Raises BadInput for a logarithm of what is not above 0, and for a target that is constant or has no
        valid row.
        """
        fitted = [
            _fit(kind, column[~torch.isnan(column)], name)
            for kind, column, name in zip(transforms, targets_NT.double().T, names, strict=True)
        ]
        scales, shifts, spreads, quantiles = zip(*fitted, strict=True)
        return cls(
            tuple(transforms),
            torch.stack(scales),
            torch.stack(shifts),
            torch.stack(spreads),
            tuple(quantiles),
        )

    def apply(self, targets_NT: Tensor) -> Tensor:
        """Return [N, T] float64 targets to train on; NaN stays."""
        columns = [
            self._forward(place, targets_NT[:, place].double()) for place in range(len(self.transforms))
        ]
        return (torch.stack(columns, dim=1) - self.shift) / self.spread

    def invert(self, predicted: Tensor) -> Tensor:
        """Return predictions [..., T] in the units of the targets, float64."""
        plain = predicted.double() * self.spread.to(predicted.device) + self.shift.to(predicted.device)
        columns = [self._back(place, plain[..., place]) for place in range(len(self.transforms))]
        return torch.stack(columns, dim=-1)

    def to_json(self) -> dict[str, Any]:
        """Return the statistics as JSON types."""
        return {
            "transforms": list(self.transforms),
            **{name: getattr(self, name).tolist() for name in ("scale", "shift", "spread")},
            "quantiles": [one.tolist() for one in self.quantiles],
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> TargetStatistics:
        """Return what `to_json` described."""
        scale, shift, spread = (_tensor(value[name]) for name in ("scale", "shift", "spread"))
        return cls(tuple(value["transforms"]), scale, shift, spread, tuple(map(_tensor, value["quantiles"])))

    def _forward(self, place: int, column: Tensor) -> Tensor:
        return _transformed(self.transforms[place], column, self.scale[place], self.quantiles[place])

    def _back(self, place: int, column: Tensor) -> Tensor:
        kind, quantiles = self.transforms[place], self.quantiles[place].to(column.device)
        if kind == "log":
            return torch.exp(column)
        if kind == "asinh":
            return torch.sinh(column) * self.scale[place].to(column.device)
        return from_normal(column, quantiles) if kind == "quantile" else column


Fitted = tuple[Tensor, Tensor, Tensor, Tensor]


def _fit(kind: Transform, known: Tensor, name: str) -> Fitted:
    if not len(known):
        raise BadInput(f"target {name!r}: no training row has a valid value")
    if kind == "log" and bool((known <= 0).any()):
        count = int((known <= 0).sum())
        raise BadInput(
            f"target {name!r}: {count} of {len(known)} training rows are not above 0, "
            "which a logarithm needs; --target-transform asinh takes them, --valid leaves them out"
        )
    size = known.abs()[known != 0]
    scale = size.median() if kind == "asinh" and len(size) else _tensor(1.0)
    quantiles = fit_quantiles(known[:, None])[:, 0] if kind == "quantile" else _tensor([])
    plain = _transformed(kind, known, scale, quantiles)
    spread = plain.std() if len(plain) > 1 else _tensor(0.0)
    if not spread > 0:
        raise BadInput(
            f"target {name!r}: is {known[0].item():g} in every training row; there is nothing to learn"
        )
    return scale, plain.mean(), spread + EPSILON, quantiles


def _transformed(kind: Transform, column: Tensor, scale: Tensor, quantiles: Tensor) -> Tensor:
    if kind == "log":
        return torch.log(torch.where(column > 0, column, torch.nan))
    if kind == "asinh":
        return torch.asinh(column / scale)
    if kind == "quantile":
        missing = torch.isnan(column)
        filled = torch.where(missing, quantiles[0], column)
        normal = to_normal(filled[:, None], quantiles[:, None])[:, 0]
        return torch.where(missing, column, normal)
    return column


def _tensor(value: Any) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)
