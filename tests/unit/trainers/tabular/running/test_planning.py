"""Plans: settings before recipes, members of every rate, batches of what there is."""

from __future__ import annotations

from typing import Any

import pytest

from trainers.common.errors import BadInput
from trainers.tabular.data.dataset import Problem
from trainers.tabular.running.planning import (
    PATIENCE,
    Planned,
    batch_of,
    best_rates,
    planned,
    recipe_of,
    sizes_of,
)
from trainers.tabular.settings import Settings

Y = Problem("regression", ("y",))


def test_settings_go_before_the_recipe() -> None:
    settings = Settings(epochs=7, batch_size=32, schedule="constant", inputs="robust")
    found = recipe_of("transformer", Y, settings)
    assert (found.epochs, found.batch_size, found.schedule, found.inputs) == (7, 32, "constant", "robust")
    assert found.learning_rate == 3e-4


def test_a_base_model_is_trained_further_by_a_tenth_of_the_rate() -> None:
    assert recipe_of("mlp", Y, Settings(), further=True).learning_rate == pytest.approx(1e-5)
    found = recipe_of("mlp", Y, Settings(epochs=9, tune_epochs=4, tune_learning_rate=0.5), further=True)
    assert (found.learning_rate, found.epochs) == (0.5, 4)


@pytest.mark.parametrize(
    ("name", "settings", "patience"),
    [
        ("mlp", Settings(), 0),
        ("tabm", Settings(), 16),
        ("mlp", Settings(early_stopping=True), PATIENCE),
        ("mlp", Settings(early_stopping=True, patience=9), 9),
        ("mlp", Settings(early_stopping=False, patience=9), 0),
        ("tabm", Settings(early_stopping=False), 0),
        ("tabm", Settings(patience=3), 3),
    ],
)
def test_when_training_ends_early(name: str, settings: Settings, patience: int) -> None:
    assert recipe_of(name, Y, settings).patience == patience


def test_members_are_every_seed_on_every_fold_with_every_rate() -> None:
    settings = Settings(seeds=(3, 4), learning_rates=(0.1, 0.2), clip_norms=(0.0, 1.0))
    found = planned(recipe_of("mlp", Y, settings), settings, folds=2)
    assert len(found) == len({*found}) == 16
    assert found[0] == Planned(3, 0, 0.1, 1e-3, 0.0)
    assert len(planned(recipe_of("mlp", Y, Settings()), Settings(), folds=1)) == 1


def test_the_best_rates_are_those_of_the_lowest_mean() -> None:
    members = [Planned(seed, 0, rate, 0.0, 0.0) for rate in (0.1, 0.2) for seed in (0, 1)]
    assert best_rates(members, [1.0, 5.0, 2.0, 2.0]) == (0.2, 0.0, 0.0)


def test_fewer_rows_than_a_batch() -> None:
    own = recipe_of("mlp", Y, Settings())
    assert batch_of(own, Settings(), 300) == (256, None)
    size, note = batch_of(own, Settings(), 100)
    assert size == 100 and note is not None and "batches of 100 rows" in note
    asked = Settings(batch_size=256)
    with pytest.raises(BadInput, match="--batch-size 256: there are only 100 rows to train on"):
        batch_of(recipe_of("mlp", Y, asked), asked, 100)


def test_sizes_are_of_the_model_that_they_name() -> None:
    words = ("mlp.hidden=128", "tabm.dropout=0.2", "mlp.layers=2")
    assert sizes_of(words, "mlp") == {"hidden": 128, "layers": 2}
    assert sizes_of(words, "tabm") == {"dropout": 0.2}


@pytest.mark.parametrize("word", ["hidden=3", "mlp.hidden", "mlp.hidden=wide"])
def test_what_is_no_size_is_told(word: str) -> None:
    found: Any = (word,)
    with pytest.raises(BadInput, match=r"must be like mlp\.hidden=256"):
        sizes_of(found, "mlp")


@pytest.mark.parametrize("value", ["inf", "nan", "1e999"])
def test_a_size_that_is_no_number_is_told(value: str) -> None:
    with pytest.raises(BadInput, match=f"--sizes mlp.hidden={value}: must be like mlp.hidden=256"):
        sizes_of((f"mlp.hidden={value}",), "mlp")
