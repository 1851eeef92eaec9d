"""Figures that were logged again and again, as metrics: the last one, and the best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from master.core.results.comparison import lower_is_better

BEST = "best_"
Curves = Mapping[str, Sequence[float]]
"""The values of each name, the oldest first."""


def metrics_of(curves: Curves) -> dict[str, float]:
    """Return the last value of each curve, and the best under `best_<name>` where it has several.

    A curve that ends in what is no number has diverged: it has a best value, and no last one.
    """
    found: dict[str, float] = {}
    for name, values in curves.items():
        finite = [value for value in values if math.isfinite(value)]
        if not finite:
            continue
        if math.isfinite(values[-1]):
            found[name] = values[-1]
        if len(values) > 1 and f"{BEST}{name}" not in curves:
            found[f"{BEST}{name}"] = min(finite) if lower_is_better(name) else max(finite)
    return found
