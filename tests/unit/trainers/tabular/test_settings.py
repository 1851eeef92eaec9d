"""Settings: presets, words and JSON alike, names of models, and what does not go together."""

from __future__ import annotations

import json
from typing import Any

import pytest

from trainers.common.errors import BadInput
from trainers.tabular.models import registry
from trainers.tabular.settings import NETWORKS, PMSSM_INPUTS, SETTINGS, model_names, settings_of


def test_the_names_of_networks_are_those_of_the_registry() -> None:
    assert {*NETWORKS} == {*registry.MODELS}


def test_every_setting_has_help_and_a_group() -> None:
    assert all(one.metadata["help"] and one.metadata["group"] for one in SETTINGS.values())


def test_the_first_train_pmssm_has_its_preset() -> None:
    found = settings_of("pmssm", {})
    assert found.features == PMSSM_INPUTS and len(PMSSM_INPUTS) == 19
    assert (found.targets, found.valid) == (("MO_Omega",), ("MO_Omega=..1,!-1",))
    assert (found.val_share, found.test_share, found.split_seed) == (0.1, 0.0, 42)
    assert found.models == ("transformer", "tabular_transformer", "mlp")
    assert (found.epochs, found.early_stopping, found.patience) == (2000, False, 500)


def test_a_trial_is_short_where_nothing_else_is_said() -> None:
    found = settings_of("pmssm", {"epochs": 3}, testing=True)
    assert (found.epochs, found.n_datasets, found.n_samples) == (3, 1, 1000)


def test_words_and_json_are_taken_alike() -> None:
    words = settings_of("recommended", {"seeds": "0,1", "learning_rates": "1e-3", "models": "mlp,TabM"})
    values = settings_of(
        "recommended", {"seeds": [0, 1], "learning_rates": [1e-3], "models": ["mlp", "tabm"]}
    )
    assert words == values and words.seeds == (0, 1) and words.models == ("mlp", "tabm")
    back = settings_of("recommended", json.loads(json.dumps(words.as_config())))
    assert back == words


def test_names_in_lists_may_hold_commas() -> None:
    assert settings_of("recommended", {"features": ["a, in m", "b"]}).features == ("a, in m", "b")


def test_models_have_the_names_of_the_first_train_pmssm_too() -> None:
    assert model_names(("PMSSMTransformer", "PMSSMTransformerTabular", "MLP", "mlp")) == (
        "transformer",
        "tabular_transformer",
        "mlp",
    )
    assert len(model_names(("all",))) == 8


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"epoch": 3}, "epoch: no setting"),
        ({"models": ["mpl"]}, "--models mpl: must be of tabm"),
        ({"epochs": 0}, "epochs: '0' is not a whole number of at least 1"),
        ({"val_share": 1.5}, "val_share: '1.5' is not a number"),
        ({"val_share": 0.5, "test_share": 0.5}, "leave no row to train on"),
        ({"split": "person"}, "split is 'person': must be of random, group"),
        ({"viability": "yes"}, "viability is 'yes': must be true or false"),
        ({"split": None}, "split: must not be null"),
        ({"folds": 1}, "--folds 1: at least 2"),
        ({"folds": 3, "fold": 3}, "--fold 3: --folds 3 has the folds from 0 to 2"),
        ({"fold": 0}, "--fold 0: --folds 0 is no folds"),
        ({"val_share": 0}, "--val-share 0: leaves no row to stop by"),
        ({"seeds": ""}, "--seeds: names none"),
        ({"models": ""}, "--models: names none"),
        ({"targets": ["y", "y"]}, "--targets y: given twice"),
        ({"seeds": [0, 0]}, "--seeds 0: given twice"),
        ({"learning_rates": [1e-3, 0.001]}, "--learning-rates 0.001: given twice"),
        ({"sizes": ["mpl.hidden=3"]}, "--sizes mpl.hidden=3: 'mpl' is no network"),
        ({"seeds": ["a"]}, "seeds: 'a' is not a whole number"),
    ],
)
def test_what_is_no_setting_is_told(given: dict[str, Any], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        settings_of("recommended", given)


def test_no_part_is_held_out_where_folds_or_a_column_say_it() -> None:
    assert settings_of("recommended", {"val_share": 0, "folds": 2}).val_share == 0
    assert settings_of("recommended", {"val_share": 0, "split": "given"}).val_share == 0


def test_the_ranges_of_a_preset_are_of_its_targets() -> None:
    assert settings_of("pmssm", {"targets": ["other"]}).valid == ()
    assert settings_of("pmssm", {"targets": "MO_Omega"}).valid == ("MO_Omega=..1,!-1",)
    assert settings_of("pmssm", {"targets": ["o"], "valid": ["o=0.."]}).valid == ("o=0..",)


def test_a_preset_that_is_not_there_is_told() -> None:
    with pytest.raises(BadInput, match="--preset pmsm: must be of recommended, pmssm"):
        settings_of("pmsm", {})
