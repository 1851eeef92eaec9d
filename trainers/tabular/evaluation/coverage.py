"""Whether intervals hold what they promise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trainers.tabular.evaluation.conformal import Conformal

Array = NDArray[np.float64]


def coverage(truth_NT: Array, low_NT: Array, high_NT: Array) -> Array:
    """Return the share of true values inside their interval [T]; NaN is left out, NaN where none is left."""
    known = np.isfinite(truth_NT)
    inside = known & (truth_NT >= low_NT) & (truth_NT <= high_NT)
    with np.errstate(invalid="ignore"):
        return inside.sum(0) / known.sum(0)


def coverages(conformal: Conformal, truth_NT: Array, predicted_NT: Array) -> dict[float, Array]:
    """Return the coverage of each level's intervals, by target."""
    return {level: coverage(truth_NT, *conformal.interval(predicted_NT, level)) for level in conformal.levels}


def pulls(truth_N: Array, predicted_N: Array, sigma_N: Array) -> Array:
    """Return errors over their estimated deviation; rows without a true value or a deviation are left out.

    Of a right estimate their mean is 0 and their standard deviation 1.
    """
    usable = np.isfinite(truth_N) & (sigma_N > 0) & np.isfinite(sigma_N)
    return (truth_N[usable] - predicted_N[usable]) / sigma_N[usable]


def pull_figures(found: Array) -> dict[str, float]:
    """Return `pull_mean` and `pull_sd`; NaN where there are fewer than two pulls."""
    if len(found) < 2:
        return {"pull_mean": float("nan"), "pull_sd": float("nan")}
    return {"pull_mean": float(found.mean()), "pull_sd": float(found.std(ddof=1))}
