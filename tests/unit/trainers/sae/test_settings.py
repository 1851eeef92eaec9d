"""Presets, and values that cannot be trained with."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import Any

import pytest

from trainers.common.errors import BadInput
from trainers.sae.settings import (
    CHOICES,
    NUMBERS,
    OPTIONAL,
    PRESETS,
    SWITCHES,
    Settings,
    settings_of,
    within_fast,
)


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
        ("seed", {"latent_dim": 0}, "latent_dim: '0' is not a whole number of at least 1"),
        ("recommended", {"k": 0}, "k: '0' is not a whole number of at least 1"),
        ("recommended", {"k": 99, "latent_dim": 9}, "k 99 is above the number of latents"),
        ("recommended", {"batch_size": 0}, "batch_size: '0' is not a whole number"),
        ("recommended", {"learning_rate": 0.0}, "learning_rate: '0.0' is not a number above 0"),
        ("recommended", {"max_epochs": "ten"}, "max_epochs: .* is not a whole number"),
        ("recommended", {"max_epochs": "10"}, "max_epochs: .* is not a whole number"),
        ("recommended", {"max_epochs": None}, "max_epochs: 'None' is not a whole number"),
        ("recommended", {"k": True}, "k: 'True' is not a whole number"),
        ("recommended", {"sparsity_target": "tanh"}, "--sparsity-target tanh is for jumprelu"),
        ("recommended", {"tied_weights": 1}, "tied_weights is 1, must be true or false"),
    ],
)
def test_what_cannot_be(preset: str, given: dict[str, Any], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        settings_of(preset, given)


def test_every_setting_is_checked() -> None:
    names = {field.name for field in fields(Settings)}
    assert names == {*CHOICES, *SWITCHES, *NUMBERS} and len(names) == sum(
        map(len, (CHOICES, SWITCHES, NUMBERS))
    )
    assert {field.name for field in fields(Settings) if field.default is None} == {*OPTIONAL}


@pytest.mark.parametrize("name", CHOICES)
def test_choices_hold_wherever_a_setting_comes_from(name: str) -> None:
    for value in ("bogus", 1, None, ["adam"]):
        with pytest.raises(BadInput, match=f"{name} is .*, must be of {', '.join(CHOICES[name])}"):
            settings_of("recommended", {name: value})


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("val_share", [math.nan, 0, 1, -0.1]),
        *((name, [-1, 0.5, math.nan]) for name in ("patience", "dead_after", "keep_checkpoints")),
        *((name, [-1.0, math.nan, math.inf]) for name in ("weight_decay", "clip_norm", "aux_coef")),
        *((name, [-1.0, math.nan]) for name in ("sparsity_coef", "dense_above", "decay_share")),
        ("bandwidth", [0, math.nan]),
        ("latent_dim", [64.5]),
        ("seed", [1.5, True, 1 << 63]),
        ("max_steps", [50.5, 0]),
    ],
)
def test_numbers_that_no_training_can_have(name: str, values: list[float]) -> None:
    for value in values:
        with pytest.raises(BadInput, match=f"{name}: '.*' is not a "):
            settings_of("recommended", {name: value})


def test_what_asks_for_few_active_latents_has_its_own_defaults() -> None:
    def form(**given: Any) -> tuple[float, float]:
        found = Settings(architecture="jumprelu", **given).form(8)
        return found.sparsity_coef, found.bandwidth

    assert form() == (1.0, 0.1)
    assert form(sparsity_target="tanh") == (0.1, 2.0)
    assert form(sparsity_target="tanh", sparsity_coef=0.5, bandwidth=0.3) == (0.5, 0.3)
    assert Settings().form(8).sparsity_coef == 0


def test_the_fast_command_has_limits() -> None:
    cut = within_fast({"latent_dim": 16_384, "max_samples": None, "max_epochs": 3})
    assert cut["latent_dim"] == 8192 and cut["max_epochs"] == 3 and cut["max_samples"] is None
