"""Columns brought to a normal distribution by their quantiles, and back, as scikit-learn does it."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.preprocessing import QuantileTransformer
from torch import Tensor

NOISE = 1e-5
"""Standard deviation of what parts equal values while quantiles are fitted, as TabM's recipe has it."""
MOST, FEWEST, ROWS_EACH = 1000, 10, 30
_EDGE = 1e-7
"""scikit-learn's: what lies outside becomes the normal value of this probability."""


def fit_quantiles(x_NF: Tensor) -> Tensor:
    """Return [Q, F] values at equal steps of probability, of columns without NaN."""
    values = x_NF.numpy()
    noise = np.random.default_rng(0).normal(0.0, NOISE, values.shape)
    fitted = QuantileTransformer(
        n_quantiles=min(len(values), max(min(len(values) // ROWS_EACH, MOST), FEWEST)),
        output_distribution="normal",
        subsample=None,
        random_state=0,
    ).fit(values + noise)
    return torch.from_numpy(fitted.quantiles_)


def to_normal(x_NF: Tensor, quantiles_QF: Tensor) -> Tensor:
    """Return [N, F] normal values by the quantiles of each column."""
    steps = _steps(quantiles_QF)
    columns = [_to_normal(x_NF[:, place], quantiles_QF[:, place], steps) for place in range(x_NF.shape[1])]
    return torch.stack(columns, dim=1) if columns else x_NF


def from_normal(z_N: Tensor, quantiles_Q: Tensor) -> Tensor:
    """Return the values of one column whose normal values these are."""
    return _interpolated(torch.special.ndtr(z_N), _steps(quantiles_Q), quantiles_Q)


def _to_normal(x: Tensor, quantiles: Tensor, steps: Tensor) -> Tensor:
    # The mean of both directions is the middle of a run of equal quantiles.
    upward = _interpolated(x, quantiles, steps)
    downward = _interpolated(-x, -quantiles.flip(0), -steps.flip(0))
    probability = 0.5 * (upward - downward)
    probability = torch.where(x <= quantiles[0], torch.zeros_like(x), probability)
    probability = torch.where(x >= quantiles[-1], torch.ones_like(x), probability)
    normal = torch.special.ndtri(probability.clamp(_EDGE, 1 - _EDGE))
    return normal


def _steps(quantiles: Tensor) -> Tensor:
    return torch.linspace(0, 1, len(quantiles), dtype=torch.float64, device=quantiles.device)


def _interpolated(x: Tensor, at: Tensor, values: Tensor) -> Tensor:
    """Return what `numpy.interp` does: linear between the points, constant outside."""
    if len(at) == 1:
        return values.expand(x.shape)
    right = torch.searchsorted(at.contiguous(), x.contiguous(), right=True).clamp(1, len(at) - 1)
    left = right - 1
    width = at[right] - at[left]
    share = torch.where(width > 0, (x - at[left]) / width.clamp_min(1e-300), torch.ones_like(x)).clamp(0, 1)
    return values[left] + share * (values[right] - values[left])
