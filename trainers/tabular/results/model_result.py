"""What the report is made of: one model with its predictions for rows of every split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trainers.tabular.data.dataset import Problem
from trainers.tabular.evaluation.importance import Importance
from trainers.tabular.results.saved import Calibration

Array = NDArray[np.float64]
SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class SplitResult:
    """True values of rows and what each member says of them."""

    truth: NDArray[Any]
    """[N, T] in the targets' units, NaN where there is none; or class numbers [N]."""
    predicted: Array
    """[M, N, T], or probabilities [M, N, K]."""
    groups: NDArray[Any] | None = None
    """[N] what each row belongs to."""

    @property
    def mean(self) -> Array:
        """Return the mean over members [N, T], or their mean probabilities [N, K]."""
        return self.predicted.mean(0)

    def redrawn_together(self) -> NDArray[np.int64]:
        """Return which rows a bootstrap keeps together [N]: those of a group, else each is alone."""
        if self.groups is None:
            return np.arange(len(self.truth))
        numbers: NDArray[np.int64] = np.unique(self.groups, return_inverse=True)[1]
        return numbers


@dataclass(frozen=True)
class ModelResult:
    """A model as a row of the report."""

    name: str
    problem: Problem
    splits: Mapping[str, SplitResult]
    """By name: of train, val and test those that have rows."""
    seconds: float
    """For training all members."""
    parameters: int | None = None
    """Of one member; None for trees."""
    peak_bytes: int | None = None
    calibration: Calibration = field(default_factory=Calibration)
    histories: Sequence[Sequence[Mapping[str, Any]]] = ()
    """Of each member its epochs: epoch, train_loss, val_loss, rate."""
    importance: Sequence[Importance] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def scored(self) -> str:
        """Return the name of the split that is scored: the test, or where it has no rows the validation."""
        return next(name for name in reversed(SPLITS) if name in self.splits)

    @property
    def members(self) -> int:
        """Return how many members were trained."""
        return len(self.splits[self.scored].predicted)
