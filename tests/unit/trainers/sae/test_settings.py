"""Presets, and values that cannot be trained with."""

from __future__ import annotations

from typing import Any

import pytest

from trainers.common.errors import BadInput
from trainers.sae.settings import PRESETS, Settings, settings_of, within_fast


def test_presets_are_what_they_are_called_after() -> None:
    seed = settings_of("seed", {})
    assert (seed.latent_dim, seed.batch_size, seed.learning_rate, seed.max_epochs) == (16_384, 512, 1e-3, 100)
    assert (seed.weight_decay, seed.schedule, seed.patience, seed.tied_weights) == (
        1e-4,
        "restarts",
        10,
        True,
    )
    fast = settings_of("seed-fast", {})
    assert (fast.latent_dim, fast.batch_size, fast.accumulate, fast.val_per_epoch) == (8192, 1024, 2, 4)
    before = settings_of("seed-before", {})
    assert (before.batch_size, before.optimizer, before.schedule) == (256, "adam", "plateau")
    assert settings_of("recommended", {}) == Settings()
    assert settings_of("seed", {"latent_dim": 99}).latent_dim == 99


def test_written_settings_are_taken_back() -> None:
    for preset in PRESETS:
        settings = settings_of(preset, {})
        assert settings_of("recommended", settings.as_config()) == settings


@pytest.mark.parametrize(
    ("preset", "given", "message"),
    [
        ("none", {}, "'none' is no preset; they are recommended, seed, seed-fast, seed-before"),
        ("seed", {"latents": 3}, "'latents' is no setting"),
        ("seed", {"latent_dim": 0}, "latents .0. and k"),
        ("recommended", {"k": 0}, "k .0. must be at least 1"),
        ("recommended", {"k": 99, "latent_dim": 9}, "k 99 is above the number of latents"),
        ("recommended", {"batch_size": 0}, "batch_size is 0"),
        ("recommended", {"learning_rate": 0.0}, "learning_rate is 0.0, must be above 0"),
        ("recommended", {"max_epochs": "ten"}, "wrong type"),
    ],
)
def test_what_cannot_be(preset: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        settings_of(preset, given)


def test_the_fast_command_has_limits() -> None:
    cut = within_fast({"latent_dim": 16_384, "max_samples": None, "max_epochs": 3})
    assert cut["latent_dim"] == 8192 and cut["max_epochs"] == 3 and cut["max_samples"] is None
