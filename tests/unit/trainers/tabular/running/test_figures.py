"""Figures: of one target or of each, of classes, and all models in one level."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from trainers.tabular.data.dataset import Problem, Rows
from trainers.tabular.running.figures import figures_of, flat


def rows(targets: torch.Tensor) -> Rows:
    return Rows(torch.zeros(len(targets), 1), torch.zeros(len(targets), 0, dtype=torch.int64), targets)


def test_members_are_scored_by_their_mean() -> None:
    truth = torch.tensor([[1.0], [2.0]], dtype=torch.float64)
    predicted = np.array([[[0.0], [1.0]], [[2.0], [3.0]]])
    assert figures_of(Problem("regression", ("y",)), rows(truth), predicted)["rmse"] == pytest.approx(0)


def test_each_target_has_its_figures() -> None:
    truth = torch.tensor([[1.0, 5.0], [2.0, float("nan")]], dtype=torch.float64)
    found = figures_of(Problem("regression", ("y", "z")), rows(truth), np.ones((1, 2, 2)))
    assert found["y_mae"] == pytest.approx(0.5) and found["z_mae"] == pytest.approx(4)


def test_classes_are_scored_by_probabilities() -> None:
    predicted = np.array([[[0.9, 0.1], [0.2, 0.8]]])
    found = figures_of(Problem("binary", ("z",), ("no", "yes")), rows(torch.tensor([0, 1])), predicted)
    assert found["accuracy"] == 1 and found["auc"] == 1


def test_one_model_needs_no_name() -> None:
    assert flat({"mlp": {"rmse": 1}}) == {"rmse": 1}
    assert flat({"mlp": {"rmse": 1}, "trees": {"rmse": 2}}) == {"mlp_rmse": 1, "trees_rmse": 2}
