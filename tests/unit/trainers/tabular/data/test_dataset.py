"""The dataset: outputs of problems, and rows that are taken, joined and limited."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from trainers.tabular.data.dataset import Columns, Dataset, Fold, Problem, Rows, joined


def rows(n: int, groups: bool = True) -> Rows:
    numeric = torch.arange(2.0 * n).reshape(n, 2)
    return Rows(
        numeric,
        torch.zeros(n, 1, dtype=torch.int64),
        numeric[:, :1].double(),
        np.arange(n) // 2 if groups else None,
    )


@pytest.mark.parametrize(
    ("problem", "outputs"),
    [
        (Problem("regression", ("a", "b")), 2),
        (Problem("regression", ("a", "b"), viability=True), 3),
        (Problem("binary", ("a",), ("no", "yes")), 1),
        (Problem("multiclass", ("a",), ("x", "y", "z")), 3),
    ],
)
def test_outputs_and_json(problem: Problem, outputs: int) -> None:
    assert problem.outputs == outputs
    assert Problem.from_json(json.loads(json.dumps(problem.to_json()))) == problem


def test_columns_come_back_from_json() -> None:
    columns = Columns(("x", "y"), ("colour",), (4,))
    assert Columns.from_json(json.loads(json.dumps(columns.to_json()))) == columns
    assert columns.names == ("x", "y", "colour")


def test_rows_are_taken_with_their_groups() -> None:
    taken = rows(6).take(torch.tensor([5, 0]))
    assert taken.numeric.tolist() == [[10, 11], [0, 1]]
    assert taken.targets.tolist() == [[10], [0]]
    assert taken.groups is not None and taken.groups.tolist() == [2, 0]
    assert rows(3, groups=False).take(torch.tensor([1])).groups is None


def test_parts_are_joined_and_groups_only_where_all_have_them() -> None:
    both = joined([rows(2), rows(4)])
    assert len(both) == 6 and both.numeric[2:].tolist() == rows(4).numeric.tolist()
    assert both.groups is not None and both.groups.tolist() == [0, 0, 0, 0, 1, 1]
    assert joined([rows(2), rows(2, groups=False)]).groups is None


def test_parts_are_the_split_or_the_folds() -> None:
    split = Dataset(Problem("regression", ("a",)), Columns(("x", "y")), rows(6), rows(2), rows(5))
    assert [(len(train), len(val)) for train, val in split.parts()] == [(6, 2)]
    folds = (
        Fold(torch.tensor([0, 1, 2]), torch.tensor([3, 4, 5])),
        Fold(torch.tensor([3, 4]), torch.tensor([0])),
    )
    crossed = replace(split, val=rows(0), folds=folds)
    parts = crossed.parts()
    assert [(len(train), len(val)) for train, val in parts] == [(3, 3), (2, 1)]
    assert parts[1][0].numeric.tolist() == [[6, 7], [8, 9]]
