"""Predictions of all parts: held-out rows by the members of their own fold, test rows by all."""

from __future__ import annotations

import numpy as np
import torch

from trainers.tabular.data.dataset import Columns, Dataset, Fold, Problem, Rows
from trainers.tabular.running.gathering import gathered, truth_of


def rows(*values: float) -> Rows:
    x = torch.tensor(values).reshape(-1, 1)
    return Rows(x, torch.empty(len(x), 0, dtype=torch.int64), x.double())


def by_fold(asked: Rows, fold: int) -> np.ndarray:
    """Two members of each fold, who add 10 to a row for the second fold and 1 for the second member."""
    x = asked.numeric.double().numpy()
    return np.stack([x + 10 * fold, x + 10 * fold + 1])


def dataset(test: Rows, folds: bool = True) -> Dataset:
    first, second = torch.tensor([0, 1]), torch.tensor([2])
    made = (Fold(second, first), Fold(first, second)) if folds else ()
    val = rows() if folds else rows(7.0)
    return Dataset(Problem("regression", ("y",)), Columns(("x",)), rows(1, 2, 3), val, test, made)


def test_each_fold_is_asked_for_what_it_held_out() -> None:
    found = gathered(by_fold, dataset(rows(5)))
    assert found.val[..., 0].tolist() == [[1, 2, 13], [2, 3, 14]]
    assert found.train[..., 0].tolist() == [[3], [4]]
    assert found.test[..., 0].tolist() == [[5], [6], [15], [16]]
    truth = truth_of(dataset(rows(5)))
    assert {name: one.numeric[:, 0].tolist() for name, one in truth.items()} == {
        "train": [3],
        "val": [1, 2, 3],
        "test": [5],
    }


def test_one_fold_is_asked_alone() -> None:
    found = gathered(by_fold, dataset(rows(5)), fold=1)
    assert found.val[..., 0].tolist() == [[3], [4]] and found.test[..., 0].tolist() == [[5], [6]]


def test_no_test_rows_are_no_predictions() -> None:
    found = gathered(by_fold, dataset(rows(), folds=False))
    assert found.test.shape == (2, 0, 1) and found.val[..., 0].tolist() == [[7], [8]]
