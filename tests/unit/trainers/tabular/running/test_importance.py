"""Importance: what a model uses matters, what it does not use does not; and it comes back from JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from trainers.tabular.data.dataset import Columns, Problem, Rows
from trainers.tabular.running.importance import importance_of, read_importance

COLUMNS = Columns(("a", "b"), ("c",), (3,))
X = torch.randn(80, 2, generator=torch.Generator().manual_seed(0))
C = (torch.arange(80) % 3).reshape(-1, 1)


def test_the_column_that_is_used_comes_first() -> None:
    targets = torch.cat([10 * X[:, 1:], torch.full((80, 1), torch.nan)], dim=1).double()

    def predict(rows: Rows) -> np.ndarray:
        used = 10 * rows.numeric[:, 1:].double().numpy()
        return np.concatenate([used, used], axis=1)

    found = importance_of(predict, Rows(X, C, targets), COLUMNS, Problem("regression", ("y", "z")))
    assert [name for name, _, _ in found] == ["b", "a", "c"]
    assert found[0][1] > 1 and found[1][1] == found[2][1] == 0
    assert [one.column for one in read_importance(json.loads(json.dumps(found)))] == ["b", "a", "c"]


def test_classes_are_judged_by_the_log_loss() -> None:
    def predict(rows: Rows) -> np.ndarray:
        yes = np.where(rows.categories[:, 0].numpy() == 1, 0.9, 0.1)
        return np.stack([1 - yes, yes], axis=1)

    rows = Rows(X, C, (C[:, 0] == 1).long())
    found = importance_of(predict, rows, COLUMNS, Problem("binary", ("y",), ("no", "yes")))
    assert found[0][0] == "c" and found[0][1] > 0.5


def test_no_rows_have_no_importance() -> None:
    rows = Rows(X[:0], C[:0], torch.empty(0, 1))
    assert (
        importance_of(lambda rows: pytest.fail("asked"), rows, COLUMNS, Problem("regression", ("y",))) == []
    )
