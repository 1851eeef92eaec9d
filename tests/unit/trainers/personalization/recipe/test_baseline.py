"""What a fitted model has to beat."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from tests.unit.trainers.personalization.results import metrics

Run = Callable[..., int]
Save = Callable[..., None]


def test_baselines_stand_beside_the_model(run: Run, tmp_path: Path, data_path: Path) -> None:
    assert run("exp", "--mode", "target_only", "--baseline") == 0
    found = metrics(tmp_path, "exp")
    for model in ("forest", "logistic_regression"):
        assert 0.8 < found[f"baseline_{model}_target_test_accuracy"] <= 1
        assert {f"baseline_{model}_target_test_{name}" for name in ("loss", "f1")} <= set(found)
    assert (tmp_path / "exp" / "output" / "f1.png").exists()


def test_a_baseline_of_one_class_is_that_class(run: Run, tmp_path: Path, data_path: Path) -> None:
    for part in ("train", "val"):
        X, _ = torch.load(data_path / f"bob_{part}.pt", weights_only=True)
        torch.save((X, torch.ones(len(X), 1)), data_path / f"bob_{part}.pt")
    assert run("exp", "--mode", "target_only", "--baseline", "--no_plots") == 0
    found = metrics(tmp_path, "exp")
    share = float(torch.load(data_path / "bob_test.pt", weights_only=True)[1].mean())
    assert found["baseline_logistic_regression_target_test_accuracy"] == pytest.approx(share)
