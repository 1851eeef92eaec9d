"""How much each column matters to a model, on rows that it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from trainers.tabular.data.dataset import Columns, Problem, Rows
from trainers.tabular.evaluation.classification import log_loss
from trainers.tabular.evaluation.importance import Importance, permutation_importance

ROWS = 500
"""At most: each column is shuffled in them three times."""
Array = NDArray[np.float64]
Stored = list[tuple[str, float, float]]


def importance_of(predict: Callable[[Rows], Array], rows: Rows, columns: Columns, problem: Problem) -> Stored:
    """Return the importance of each column as JSON holds it: name, mean and spread, the largest first.

    `predict` gives the mean over members.  It is what shuffling a column adds to the loss: the mean squared
    error over standardised targets, or the log-loss.
    """
    if not len(rows):
        return []
    some = rows.take(torch.arange(min(ROWS, len(rows))))
    truth = some.targets.numpy()
    spread = _spread(truth)

    def loss(numeric: NDArray[np.float32], categories: NDArray[np.int64]) -> float:
        shuffled = Rows(torch.from_numpy(numeric), torch.from_numpy(categories), some.targets)
        predicted = predict(shuffled)
        if problem.kind != "regression":
            return log_loss(truth, predicted)
        known = np.isfinite(truth)
        return float(np.mean((((predicted - truth) / spread)[known]) ** 2)) if known.any() else 0.0

    names = (columns.numeric, columns.categorical)
    found = permutation_importance(loss, (some.numeric.numpy(), some.categories.numpy()), names)
    return [(one.column, one.mean, one.spread) for one in found]


def read_importance(stored: Sequence[Sequence[object]]) -> list[Importance]:
    """Return what `importance_of` gave, from JSON."""
    return [Importance(str(name), float(str(mean)), float(str(spread))) for name, mean, spread in stored]


def _spread(truth: NDArray) -> NDArray:
    """Return the standard deviation of each target; 1 where there is none."""
    if truth.ndim == 1:
        return np.ones(1)
    filled = np.ma.masked_invalid(truth)
    spread = np.asarray(filled.std(axis=0).filled(0.0))
    return np.where(spread > 0, spread, 1.0)
