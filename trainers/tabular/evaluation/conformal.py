"""Split conformal intervals: how wide an interval must be, learnt from rows that nothing was trained on.

Vovk and others, "Algorithmic learning in a random world", 2005.  Over rows that are exchangeable with those
it was learnt from, an interval holds the true value with at least the asked probability; rows of groups
that were not met before are not exchangeable.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
LEVELS = (0.68, 0.90, 0.95)


@dataclass(frozen=True)
class Conformal:
    """Half the width of the intervals of each target."""

    half_LT: Array
    """By level and target, in the target's unit; infinite where there were too few rows for the level."""
    levels: tuple[float, ...] = LEVELS

    @classmethod
    def fit(cls, truth_NT: Array, predicted_NT: Array, levels: Sequence[float] = LEVELS) -> Conformal:
        """Learn the widths from true values and predictions of the calibration rows; NaN is left out."""
        errors_NT = np.abs(truth_NT - predicted_NT)
        half = [
            [score_quantile(column[np.isfinite(column)], level) for column in errors_NT.T] for level in levels
        ]
        return cls(np.array(half, dtype=np.float64).reshape(len(levels), -1), tuple(levels))

    def half(self, level: float) -> Array:
        """Return half the widths at a level [T]; ValueError for a level that was not fitted."""
        return self.half_LT[self.levels.index(level)]

    def interval(self, predicted_NT: Array, level: float) -> tuple[Array, Array]:
        """Return the lower and upper ends [N, T]."""
        return predicted_NT - self.half(level), predicted_NT + self.half(level)

    def as_json(self) -> dict[str, Any]:
        """Return what `from_json` reads; an infinite width is null."""
        half = [[value if math.isfinite(value) else None for value in row] for row in self.half_LT.tolist()]
        return {"levels": list(self.levels), "half": half}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Conformal:
        """Return what `as_json` gave."""
        half = [[math.inf if one is None else float(one) for one in row] for row in value["half"]]
        return cls(np.array(half, dtype=np.float64), tuple(float(level) for level in value["levels"]))


def score_quantile(scores: Array, level: float) -> float:
    """Return the ceil((n + 1) level)-th smallest score; infinite where there are fewer rows than that."""
    rank = math.ceil((len(scores) + 1) * level - 1e-9)
    return float(np.partition(scores, rank - 1)[rank - 1]) if rank <= len(scores) else math.inf
