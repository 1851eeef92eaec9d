"""Prepared rows: each fold by the statistics of its own training rows, one under the other."""

from __future__ import annotations

import torch

from trainers.tabular.data.dataset import Columns, Dataset, Fold, Problem, Rows
from trainers.tabular.running.preparing import prepare, prepare_by, seen_only


def rows(n: int, shift: float = 0.0) -> Rows:
    x = torch.arange(float(n)).reshape(n, 1) + shift
    categories = (torch.arange(n) % 3).reshape(n, 1)
    return Rows(x, categories, 2 * x.double())


def dataset(folds: tuple[Fold, ...] = ()) -> Dataset:
    columns, problem = Columns(("x",), ("c",), (3,)), Problem("regression", ("y",))
    return Dataset(problem, columns, rows(6), rows(0 if folds else 2, 100.0), rows(0), folds)


def test_statistics_are_those_of_the_training_rows() -> None:
    found = prepare(dataset(), "standard", ("none",))
    part = found.parts[0]
    assert (part.train.tolist(), part.val.tolist()) == ([0, 1, 2, 3, 4, 5], [6, 7])
    for values in (found.examples.numeric, found.examples.targets):
        assert abs(values[part.train].mean().item()) < 1e-6 and values[part.val].min() > 10
    assert found.held_out[0].numeric.tolist() == [[100.0], [101.0]]


def test_folds_lie_one_under_the_other_each_by_its_own_statistics() -> None:
    first, second = torch.arange(3), torch.arange(3, 6)
    found = prepare(dataset((Fold(first, second), Fold(second, first))), "standard", ("none",))
    assert [part.train.tolist() for part in found.parts] == [[0, 1, 2], [6, 7, 8]]
    assert [part.val.tolist() for part in found.parts] == [[3, 4, 5], [9, 10, 11]]
    for part in found.parts:
        assert abs(found.examples.numeric[part.train].mean().item()) < 1e-6
    one = prepare(dataset((Fold(first, second), Fold(second, first))), "standard", ("none",), fold=1)
    assert len(one.parts) == 1 and one.held_out[0].numeric.tolist() == [[0.0], [1.0], [2.0]]


def test_a_model_that_is_fitted_further_keeps_its_statistics() -> None:
    first = prepare(dataset(), "standard", ("none",))
    found = prepare_by(dataset(), first.statistics * 2)
    assert len(found.parts) == 2 and found.statistics == first.statistics * 2
    assert found.examples.numeric[:8].equal(first.examples.numeric)
    assert found.examples.numeric[8:].equal(first.examples.numeric)


def test_categories_that_a_fold_does_not_train_on_are_unknown_in_it() -> None:
    categories = torch.tensor([[1, 2], [2, 2], [3, 1]])
    assert seen_only(categories, categories[:2]).tolist() == [[1, 2], [2, 2], [0, 0]]
    empty = torch.empty(3, 0, dtype=torch.int64)
    assert seen_only(empty, empty[:1]).shape == (3, 0)


def test_classes_are_left_as_they_are() -> None:
    part = rows(4)
    classes = Rows(part.numeric, part.categories, torch.tensor([0, 1, 0, 1]))
    problem = Problem("binary", ("z",), ("no", "yes"))
    made = Dataset(problem, Columns(("x",), ("c",), (3,)), classes, classes.take(torch.arange(2)), classes)
    found = prepare(made, "robust", ("none",))
    assert found.examples.targets.tolist() == [0, 1, 0, 1, 0, 1] and found.statistics[0].targets is None
