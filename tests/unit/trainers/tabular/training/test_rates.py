"""Learning rates along a training, against torch's schedule and the rates that RealMLP's package recorded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from trainers.tabular.training.members import Options
from trainers.tabular.training.rates import rate_at

CASES = Path(__file__).parents[1] / "models" / "cases"
RECORDED = json.loads((CASES / "realmlp.json").read_text())


def test_a_constant_rate_does_not_change() -> None:
    assert {rate_at(Options(5), 0.1, epoch, 0.5) for epoch in range(5)} == {0.1}


def test_the_cosine_is_torchs_from_epoch_to_epoch() -> None:
    weight = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=3e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 7, eta_min=1e-6)
    options = Options(7, schedule="cosine", least_rate=1e-6)
    for epoch in range(7):
        assert rate_at(options, 3e-4, epoch, 0.3) == pytest.approx(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()


@pytest.mark.parametrize(("kind", "highest"), [("regression", 0.07), ("multiclass", 0.04)])
def test_the_four_cycles_are_those_of_realmlps_package(kind: str, highest: float) -> None:
    recorded = RECORDED[kind]
    options = Options(recorded["epochs"], schedule="coslog4")
    for number, step in enumerate(recorded["steps"]):
        epoch, at = divmod(number, recorded["steps_an_epoch"])
        expected = step["rates"]["hidden.0.weight"]
        assert rate_at(options, highest, epoch, at / recorded["steps_an_epoch"]) == pytest.approx(expected)
