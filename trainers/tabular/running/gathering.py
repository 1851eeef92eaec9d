"""What the members of a model say of all rows, each of rows that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.tabular.data.dataset import Dataset, Rows, joined

Array = NDArray[np.float64]
ByFold = Callable[[Rows, int], Array]
"""What the members of one fold say of rows: [S, N, T] in raw units, or probabilities [S, N, K]."""


@dataclass(frozen=True)
class Predictions:
    """By the part of the rows."""

    train: Array
    """[S, N, …] of the first fold's training rows, by its members."""
    val: Array
    """[S, N, …] of the held-out rows of all folds, one fold after the other, each by its own members."""
    test: Array
    """[M, N, …] by all members."""


def chosen_parts(dataset: Dataset, fold: int | None) -> Sequence[tuple[Rows, Rows]]:
    """Return the rows of all folds, or of the one that is trained on."""
    return dataset.parts() if fold is None else [dataset.parts()[fold]]


def gathered(by_fold: ByFold, dataset: Dataset, fold: int | None = None) -> Predictions:
    """Ask the members of each fold for the rows of each part."""
    parts = chosen_parts(dataset, fold)
    train = by_fold(parts[0][0], 0)
    val = np.concatenate([by_fold(rows, place) for place, (_, rows) in enumerate(parts)], axis=1)
    if not len(dataset.test):
        return Predictions(train, val, np.empty((len(train) * len(parts), 0, *train.shape[2:])))
    test = np.concatenate([by_fold(dataset.test, place) for place in range(len(parts))])
    return Predictions(train, val, test)


def truth_of(dataset: Dataset, fold: int | None = None) -> dict[str, Rows]:
    """Return the rows that the predictions are about, by part."""
    parts = chosen_parts(dataset, fold)
    return {"train": parts[0][0], "val": joined([val for _, val in parts]), "test": dataset.test}
