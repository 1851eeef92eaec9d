"""Figures of one regression target: errors, relative errors, and the mean and spread over members."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
SHARES = (1, 5, 10)
"""Per cent of the true value."""


def mean_and_spread(predicted_MNT: Array) -> tuple[Array, Array]:
    """Return the mean over members and their standard deviation, both [N, T]; 0 for one member."""
    mean_NT = predicted_MNT.mean(0)
    if len(predicted_MNT) < 2:
        return mean_NT, np.zeros_like(mean_NT)
    return mean_NT, predicted_MNT.std(0, ddof=1)


def regression_figures(truth_N: Array, predicted_N: Array) -> dict[str, float]:
    """Return the figures over rows that have a true value (not NaN); all NaN where no row has one.

    `rmse`, `mae` in the target's unit; `r2`; `mape` and `within_1`, `within_5`, `within_10` in per cent, over
    true values that are not 0.
    """
    known = np.isfinite(truth_N)
    truth, errors = truth_N[known], (predicted_N - truth_N)[known]
    if not len(truth):
        return dict.fromkeys(("rmse", "mae", "r2", *relative_figures(truth, errors)), float("nan"))
    return {
        "rmse": float(np.sqrt(np.mean(errors**2))),
        "mae": float(np.mean(np.abs(errors))),
        "r2": r2(truth, errors),
        **relative_figures(truth, errors),
    }


def r2(truth: Array, errors: Array) -> float:
    """Return the share of the variance that is explained; NaN where the true values do not vary."""
    total = float(np.sum((truth - truth.mean()) ** 2))
    return 1 - float(np.sum(errors**2)) / total if total > 0 else float("nan")


def relative_figures(truth: Array, errors: Array) -> dict[str, float]:
    """Return the mean absolute error and the shares of rows within 1, 5 and 10 % of the true value."""
    known = truth != 0
    if not known.any():
        return dict.fromkeys(("mape", *(f"within_{share}" for share in SHARES)), float("nan"))
    relative = 100 * np.abs(errors[known] / truth[known])
    shares = {f"within_{share}": 100 * float(np.mean(relative <= share)) for share in SHARES}
    return {"mape": float(relative.mean()), **shares}
