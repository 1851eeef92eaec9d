"""Means over seeds and how sure they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import fmean, stdev

from scipy.stats import t


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
