"""The dataset: outputs of problems, and rows that are taken, joined and limited."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from trainers.tabular.data.dataset import Columns, Dataset, Problem, Rows, joined


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


def test_the_first_rows_of_training_and_validation_are_kept() -> None:
    whole = Dataset(Problem("regression", ("a",)), Columns(("x", "y")), rows(6), rows(2), rows(5))
    few = whole.limited(3)
    assert (len(few.train), len(few.val), len(few.test)) == (3, 2, 5)
    assert torch.equal(few.train.numeric, whole.train.numeric[:3])
