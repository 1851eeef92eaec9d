"""Means over seeds and figures over groups, and how sure they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

Figures = Callable[[NDArray[np.int64]], Mapping[str, float]]
"""From numbers of rows to figures over these rows, by name."""


@dataclass(frozen=True)
class Interval:
    """A mean, and half the width of its 95 % interval; NaN for one value."""

    mean: float
    half: float

    def __str__(self) -> str:
        return f"{self.mean:.3f} ± {self.half:.3f}"

    def as_json(self) -> dict[str, float | None]:
        """Return both as JSON values."""
        return {"mean": self.mean, "half": self.half if self.half == self.half else None}


def interval(values: Sequence[float]) -> Interval:
    """Return Student's interval of the mean of the values."""
    if len(values) < 2:
        return Interval(fmean(values), float("nan"))
    return Interval(fmean(values), float(t.ppf(0.975, len(values) - 1)) * stdev(values) / sqrt(len(values)))


def bootstrap(
    figures: Figures, groups: NDArray[np.int64], *, draws: int = 200, level: float = 0.95, seed: int = 0
) -> dict[str, tuple[float, float]]:
    """Return between what figures lie if other groups had been met: percentiles over redrawn groups.

    `groups` [N] is the group of each row; rows of one group stay together, since they are not independent.
    Draws without a figure (of one class alone, say) do not count.  Empty for fewer than two groups.
    """
    names, of_row = np.unique(groups, return_inverse=True)
    if len(names) < 2:
        return {}
    order = np.argsort(of_row, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(of_row))[:-1])
    random = np.random.default_rng(seed)
    drawn = [figures(_rows(members, random.integers(len(names), size=len(names)))) for _ in range(draws)]
    return {name: _percentiles([one[name] for one in drawn], level) for name in drawn[0]}


def _percentiles(values: Sequence[float], level: float) -> tuple[float, float]:
    known = [value for value in values if np.isfinite(value)]
    if not known:
        return float("nan"), float("nan")
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _rows(members: list[NDArray[np.int64]], chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.concatenate([members[group] for group in chosen])
