"""What the settings of probes mean for their training."""

from __future__ import annotations

import json

import pytest
import torch

from trainers.probes.settings import Settings, Variant, recipe


def test_learning_rates_are_outermost() -> None:
    settings = Settings(lrs=(1.0, 2.0), weight_decays=(0.0, 0.5))
    assert settings.variants() == [Variant(1.0, 0.0), Variant(1.0, 0.5), Variant(2.0, 0.0), Variant(2.0, 0.5)]


@pytest.mark.parametrize(
    ("rows", "steps", "batch"),
    [(100_000, 30, 512), (3000, 30, 100), (3001, 30, 101), (30, 30, 16), (3000, 0, 512)],
)
def test_a_small_split_is_cut_into_enough_steps(rows: int, steps: int, batch: int) -> None:
    assert Settings(epoch_steps=steps).batch_of(rows) == batch


def test_a_batch_is_never_larger_than_asked_for() -> None:
    assert Settings(batch_size=8).batch_of(10) == 8


@pytest.mark.parametrize(
    ("settings", "lr"),
    [
        (Settings(), 0.005),
        (Settings(lrs=(0.3,)), 0.3),
        (Settings(inputs="raw"), 1e-3),
        (Settings(model_type="multihead"), 1e-3),
    ],
)
def test_the_wider_a_linear_probe_the_smaller_its_steps(settings: Settings, lr: float) -> None:
    found = settings.for_width(400)
    assert found.lrs == (pytest.approx(lr),)
    assert found.for_width(100) == found


def test_the_default_recipe_is_careful_with_what_has_no_common_scale() -> None:
    assert (
        recipe("default", "linear", None)["epochs"]
        == recipe("default", "linear", "standardised")["epochs"]
        == 7
    )
    for found in (recipe("default", "linear", "raw"), recipe("default", "multihead", None)):
        assert (found["epochs"], found["epoch_steps"], found["bias_start"]) == (50, 30, "log-odds")
    assert recipe("original", "multihead", None) == recipe("original", "linear", None)


def test_the_learning_rate_falls_along_a_cosine() -> None:
    settings = Settings(epochs=10, min_lr=0.1)
    assert settings.lr_at(0, 1.1) == pytest.approx(1.1)
    assert settings.lr_at(5, 1.1) == pytest.approx(0.6)
    assert settings.lr_at(10, 1.1) == pytest.approx(0.1)
    assert Settings(scheduler=False).lr_at(5, 1.1) == 1.1


def test_the_rate_falls_along_the_horizon_whatever_part_of_it_is_trained() -> None:
    whole, part = Settings(epochs=8), Settings(epochs=4, schedule_epochs=8)
    assert [part.lr_at(epoch, 0.1) for epoch in range(4)] == [whole.lr_at(epoch, 0.1) for epoch in range(4)]
    assert Settings(epochs=4).lr_at(3, 0.1) < part.lr_at(3, 0.1)
    assert "schedule_epochs" not in whole.fingerprint() and part.fingerprint()["schedule_epochs"] == 8


@pytest.mark.parametrize(
    ("dtype", "stored", "computed"),
    [
        ("float32", torch.float32, torch.float32),
        ("bfloat16", torch.bfloat16, torch.float32),
        ("float64", torch.float64, torch.float64),
    ],
)
def test_weights_are_at_least_of_single_precision(
    dtype: str, stored: torch.dtype, computed: torch.dtype
) -> None:
    settings = Settings(dtype=dtype)
    assert (settings.storage_dtype, settings.compute_dtype) == (stored, computed)


def test_whatever_decides_the_weights_is_in_the_fingerprint() -> None:
    first = Settings().fingerprint()
    assert json.loads(json.dumps(first)) == first and "code_version" in first
    assert Settings(seed=1).fingerprint() != first != Settings(tol=1e-6).fingerprint()
