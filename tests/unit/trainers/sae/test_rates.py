"""Rates over steps, batches that are chosen, and when training ends."""

from __future__ import annotations

import math

import pytest

from trainers.sae.rates import Plateau, Stopper, base_rate, batch_size, rate_at
from trainers.sae.settings import Settings


def test_linear_warms_up_and_falls_to_nothing() -> None:
    settings = Settings(warmup_steps=10)
    rates = [rate_at(settings, 1.0, step, 200, 50) for step in range(200)]
    assert rates[0] == 0.1 and rates[9] == 1.0 and rates[160] == 1.0
    assert rates[180] == pytest.approx(0.5) and 0 < rates[199] <= 0.025


def test_restarts_begin_anew_after_10_and_20_epochs() -> None:
    settings = Settings(schedule="restarts")
    rates = [rate_at(settings, 1.0, epoch * 7, 1000, 7) for epoch in range(40)]
    assert rates[0] == rates[10] == rates[30] == 1.0
    assert rates[5] == pytest.approx(0.5, abs=1e-5) and rates[20] == pytest.approx(0.5, abs=1e-5)


def test_a_plateau_halves_the_rate() -> None:
    plateau = Plateau()
    for loss in [1.0] * 7:
        plateau.saw(loss)
    assert plateau.factor == 0.5
    plateau.saw(0.5)
    assert plateau.factor == 0.5 and plateau.waited == 0
    assert rate_at(Settings(schedule="plateau"), 2.0, 5, 10, 5) == 2.0


def test_rate_and_batch_are_scaled_or_as_given() -> None:
    assert base_rate(Settings(latent_dim=4096), 512) == pytest.approx(1.6e-3)
    assert base_rate(Settings(latent_dim=16_384), 2048) == pytest.approx(1.6e-3)
    assert base_rate(Settings(learning_rate=3e-4), 64) == 3e-4
    assert batch_size(Settings(), 10**6, "cpu") == 512
    assert batch_size(Settings(), 10**6, "cuda") == 4096
    assert batch_size(Settings(latent_dim=65_536), 10**7, "cuda") == 8192
    assert batch_size(Settings(latent_dim=32_768), 10**7, "cuda") == 8192
    assert batch_size(Settings(), 5000, "cpu") == 64
    assert batch_size(Settings(batch_size=700), 500, "cpu") == 500


def test_the_best_are_kept_and_the_end_is_found() -> None:
    stopper = Stopper(patience=2, keep=2)
    assert [stopper.saw(loss, step) for step, loss in enumerate([3.0, 1.0, 2.0])] == [True, True, True]
    assert stopper.best == [(1.0, 1), (2.0, 2)] and not stopper.ends
    assert not stopper.saw(5.0, 3) and stopper.ends
    assert not Stopper(patience=0, keep=1, waited=99).ends


@pytest.mark.parametrize("loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_is_never_the_best(loss: float) -> None:
    stopper = Stopper(patience=3, keep=3)
    assert [stopper.saw(each, step) for step, each in enumerate([loss, 2.0, loss])] == [False, True, False]
    assert stopper.best == [(2.0, 1)] and stopper.waited == 1
