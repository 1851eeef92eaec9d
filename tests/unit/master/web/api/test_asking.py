"""What may be asked of a training, and the job that comes of it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from master.web.api.asking import Asked, ToLoad, Wanted, job_fields

LEAST: dict[str, Any] = {"layer_idx": 6, "activation_data_path": "acts.parquet"}


def test_what_is_left_out_has_the_defaults_of_the_description() -> None:
    assert Asked.model_validate(LEAST).config(fast=False) == {
        **LEAST,
        "latent_dim": 16384,
        "sparsity_coef": 1e-3,
        "learning_rate": 1e-3,
        "max_epochs": 100,
        "tied_weights": True,
        "activation_fn": "relu",
        "output_dir": None,
        "max_samples": None,
        "batch_size": 512,
        "num_workers": 8,
    }


def test_a_fast_training_stays_within_its_limits() -> None:
    config = Asked.model_validate(LEAST).config(fast=True)
    limits = {"latent_dim": 8192, "max_samples": 50_000, "max_epochs": 50}
    assert config == {**config, **limits, "learning_rate": 2e-3, "batch_size": 1024}


def test_what_a_fast_training_is_asked_for_it_does_where_it_may() -> None:
    given = {"latent_dim": 64, "max_samples": 70_000, "max_epochs": 2, "learning_rate": 0.1, "batch_size": 32}
    config = Asked.model_validate({**LEAST, **given}).config(fast=True)
    assert config == {**config, **given, "max_samples": 50_000}


@pytest.mark.parametrize(
    "wrong",
    [
        {"layer_idx": -1},
        {"layer_idx": None},
        {"layer_idx": True},
        {"layer_idx": 1.5},
        {"latent_dim": 0},
        {"latent_dim": "many"},
        {"sparsity_coef": float("nan")},
        {"learning_rate": 0},
        {"learning_rate": float("inf")},
        {"max_epochs": 0},
        {"batch_size": 0},
        {"max_samples": 0},
        {"activation_fn": "tanh"},
        {"activation_data_path": ""},
        {"output_dir": "a/b"},
        {"output_dir": ".."},
        {"output_dir": "/tmp"},
        {"output_dir": "base_models"},
        {"output_dir": ""},
        {"nonsense": 1},
    ],
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Asked.model_validate({**LEAST, **wrong})


def test_the_fields_of_the_job() -> None:
    config = Asked.model_validate({**LEAST, "activation_fn": "gelu"}).config(fast=False)
    assert job_fields(config, "activation_data/x", fast=False) == {
        "prefix": "sae",
        "activation_path": "activation_data/x",
        "preset": "seed",
        "architecture": "gelu",
        "layer_idx": 6,
        "latent_dim": 16384,
        "sparsity_coef": 1e-3,
        "learning_rate": 1e-3,
        "max_epochs": 100,
        "tied_weights": True,
        "batch_size": 512,
        "num_workers": 8,
        "export": "features",
    }


def test_the_fields_of_a_fast_job() -> None:
    config = Asked.model_validate({**LEAST, "output_dir": "mine"}).config(fast=True)
    fields = job_fields(config, "x", fast=True)
    assert (fields["prefix"], fields["preset"], fields["training_mode"]) == ("mine", "seed-fast", "fast")
    assert fields["max_samples"] == 50_000


def test_what_is_wanted_of_features() -> None:
    wanted = Wanted.model_validate({"sortBy": "layer", "sortOrder": "asc"})
    assert (wanted.sort_by, wanted.sort_order, wanted.limit) == ("layer", "asc", 100)
    for wrong in ({"limit": 0}, {"limit": 1001}, {"offset": -1}, {"sortBy": "size"}, {"x": 1}):
        with pytest.raises(ValidationError):
            Wanted.model_validate(wrong)
    with pytest.raises(ValidationError):
        ToLoad.model_validate({})
