"""Rows of several folds as one, and options from recipes."""

from __future__ import annotations

import torch

from tests.unit.trainers.tabular.models import tables
from tests.unit.trainers.tabular.training import made
from trainers.tabular.models.registry import recipe
from trainers.tabular.training.members import Examples, Options


def test_parts_lie_one_under_the_other_and_it_is_told_where() -> None:
    parts = [made.examples(count=count) for count in (5, 7)]
    joined, first = Examples.joined(parts)
    assert (len(joined), first) == (12, [0, 5])
    assert torch.equal(joined.take(torch.tensor([6])).targets, parts[1].targets[1:2])


def test_an_index_of_any_shape_takes_the_place_of_the_rows() -> None:
    taken = made.examples().take(torch.zeros(2, 3, dtype=torch.int64))
    assert (taken.numeric.shape, taken.targets.shape) == ((2, 3, 3), (2, 3, 1))


def test_numbers_of_classes_stay_whole_on_any_device() -> None:
    moved = made.examples(tables.MULTICLASS).to(torch.device("cpu"), torch.float64)
    assert (moved.numeric.dtype, moved.targets.dtype) == (torch.float64, torch.int64)


def test_options_are_those_of_the_recipe_but_for_what_is_asked() -> None:
    options = Options.of(recipe("tabm", tables.REGRESSION), epochs=3)
    assert (options.epochs, options.patience, options.batch_size, options.dtype) == (
        3,
        16,
        256,
        torch.float32,
    )
