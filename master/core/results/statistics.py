"""Means over a few runs, and how sure one can be of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from master.core.results.student import t_quantile

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Summary:
    """A metric over the runs that have it."""

    count: int
    mean: float
    half_width: float | None
    """Of the interval around the mean; None for a single run, which says nothing of others."""
    lowest: float
    highest: float


def summary(values: Sequence[float], confidence: float = CONFIDENCE) -> Summary | None:
    """Return the mean with Student's interval; None where there are no values."""
    if not values:
        return None
    mean = math.fsum(value / len(values) for value in values)
    return Summary(len(values), mean, _half_width(values, mean, confidence), min(values), max(values))


def _half_width(values: Sequence[float], mean: float, confidence: float) -> float | None:
    if len(values) < 2:
        return None
    # Of values as large as a training that went astray leaves, no square is a number.
    spread = math.hypot(*(value - mean for value in values)) / math.sqrt(len(values) - 1)
    width = t_quantile(confidence, len(values) - 1) * spread / math.sqrt(len(values))
    return width if math.isfinite(width) else None
