"""What is saved of one training is what it goes on from."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from trainers.personalization.fitting.checkpoints import resume, save
from trainers.personalization.fitting.courses import CheckpointPlan, Progress
from trainers.personalization.fitting.moments import Moments


def plan(tmp_path: Path) -> CheckpointPlan:
    return CheckpointPlan(tmp_path / "state.pt", 1, {"lr": 1})


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    network, moments, progress = nn.Linear(2, 2), Moments.of(nn.Linear(2, 2)), Progress(epoch=3)
    moments.steps = 7
    save(plan(tmp_path), network, moments, progress)
    other, found = nn.Linear(2, 2), Moments.of(nn.Linear(2, 2))
    assert resume(plan(tmp_path), other, found) == progress
    assert torch.equal(other.weight, network.weight) and found.steps == 7
    assert torch.equal(found.average, moments.average)


def test_best_weights_that_do_not_fit_are_damage_and_leave_all_as_it_was(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    network = nn.Linear(2, 2)
    save(plan(tmp_path), network, Moments.of(network), Progress(best_weights={"weight": torch.zeros(1)}))
    fresh, moments = nn.Linear(2, 2), Moments.of(network)
    before = fresh.weight.detach().clone()
    assert resume(plan(tmp_path), fresh, moments) is None
    assert torch.equal(fresh.weight, before) and "is damaged" in capsys.readouterr().err
