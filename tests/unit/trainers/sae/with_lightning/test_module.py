"""Optimiser and schedule of the module are those that the settings name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.unit.trainers.sae.data import SMALL, sae
from trainers.sae.loop import Plan, plan_of
from trainers.sae.rates import rate_at
from trainers.sae.settings import Settings
from trainers.sae.with_lightning.networks import L1Autoencoder

pytest.importorskip("lightning")

from trainers.sae.with_lightning.module import SaeModule


def made(**settings: Any) -> tuple[Plan, Any]:
    plan = plan_of(Settings(**{**SMALL, "architecture": "relu", **settings}), 96, 32, {}, Path())
    return plan, SaeModule(L1Autoencoder(sae("relu").form), plan, 0.5, 1.0).configure_optimizers()


@pytest.mark.parametrize(("schedule", "interval"), [("restarts", "epoch"), ("linear", "step")])
def test_rates_are_those_of_our_own_loop(schedule: Any, interval: str) -> None:
    plan, found = made(schedule=schedule, max_epochs=35)
    rates, scheduler = [], found["lr_scheduler"]["scheduler"]
    assert found["lr_scheduler"]["interval"] == interval
    for step in range(plan.steps):
        rates.append(found["optimizer"].param_groups[0]["lr"])
        found["optimizer"].step()
        if interval == "step" or step % plan.steps_an_epoch == plan.steps_an_epoch - 1:
            scheduler.step()
    wanted = [
        rate_at(plan.settings, 0.5, step, plan.steps, plan.steps_an_epoch) for step in range(plan.steps)
    ]
    assert rates == pytest.approx(wanted)


def test_the_optimiser_has_its_decay() -> None:
    _, decayed = made(weight_decay=1e-4, schedule="constant")
    assert isinstance(decayed["optimizer"], torch.optim.AdamW)
    assert decayed["optimizer"].defaults["weight_decay"] == 1e-4
    _, plain = made(optimizer="adam", schedule="plateau")
    assert type(plain) is torch.optim.Adam and plain.defaults["betas"] == (0.9, 0.999)
