"""What a model says of rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Values:
    """Predictions of a regression, in the targets' units."""

    targets: tuple[str, ...]
    mean: Array
    """[N, T] mean over members."""
    spread: Array
    """[N, T] standard deviation over members; 0 for one."""
    intervals: Mapping[float, tuple[Array, Array]] = field(default_factory=dict)
    """By level, lower and upper ends [N, T]; empty for a model without calibration."""
    viable: Array | None = None
    """[N] how likely a row has valid targets, where the model tells."""

    def columns(self) -> dict[str, NDArray]:
        """Return what a table of the predictions holds, by the names of its columns."""
        found: dict[str, NDArray] = {}
        for place, target in enumerate(self.targets):
            found[target] = self.mean[:, place]
            found[f"{target}_spread"] = self.spread[:, place]
            for level, (low, high) in self.intervals.items():
                found[f"{target}_low_{100 * level:g}"] = low[:, place]
                found[f"{target}_high_{100 * level:g}"] = high[:, place]
        return found if self.viable is None else {**found, "viable": self.viable}


@dataclass(frozen=True)
class Classes:
    """Predictions of a classification."""

    target: str
    names: tuple[str, ...]
    probabilities: Array
    """[N, K] mean over members, then scaled by the temperature."""

    def columns(self) -> dict[str, NDArray]:
        """Return what a table of the predictions holds, by the names of its columns."""
        chosen = np.array(self.names)[self.probabilities.argmax(1)]
        each = {f"{self.target}_p_{name}": self.probabilities[:, at] for at, name in enumerate(self.names)}
        return {self.target: chosen, **each}


Prediction = Values | Classes
