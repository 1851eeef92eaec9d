"""What a trainer's manifest says, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from master.code.trainer_manifest import (
    TRAINERS,
    find_trainer_manifest,
    read_manifest,
    sources_digest,
    trainer_names,
)
from master.core.flags.passing import arguments, dropped
from master.core.planning.identity import base_model_of
from master.core.planning.job_shape import JobShape
from master.errors import ConfigError, UsageError
from master.intake.participant_jobs import PARTICIPANT_JOBS
from master.specs import Rungs
from tests.support.empty_trainer import write_trainer


@pytest.mark.parametrize("name", trainer_names())
def test_a_changed_trainer_is_recorded_with_a_choice(name: str) -> None:
    manifest = find_trainer_manifest(name)
    how = (
        "python -m scripts.record_trainer --same-results, or --raise-version where base models become others"
    )
    assert manifest.sources == sources_digest(manifest), f"the sources of {name} have changed: {how}"


def test_the_trainers_that_ship_are_what_they_were() -> None:
    assert {name: find_trainer_manifest(name).identity for name in trainer_names()} == {
        "personalization": "trainer:personalization:7",
        "probes": "trainer:probes:6",
        "sae": "trainer:sae:6",
        "tabular": "trainer:tabular:1",
    }
    assert find_trainer_manifest().name == "personalization"
    offers = {name for name in trainer_names() if "resident" in find_trainer_manifest(name).executors}
    assert offers == {name for name in trainer_names() if (TRAINERS / name / "thread_main.py").is_file()}


def test_the_personalization_trainer_takes_jobs_over_participants() -> None:
    own = PARTICIPANT_JOBS.fine_tuning_fields | {"refit", "baseline"}
    assert find_trainer_manifest("personalization").shape == replace(
        PARTICIPANT_JOBS,
        fine_tuning_fields=own,
        is_usual=False,
        rungs=Rungs("epochs", "schedule_epochs"),
    )


def test_only_trainers_that_make_the_same_of_it_go_on_from_others() -> None:
    claims = {name for name in trainer_names() if find_trainer_manifest(name).shape.rungs}
    assert claims == {"personalization", "sae"}


def test_jobs_of_other_trainers_start_from_no_base_model_by_themselves() -> None:
    for name in ("probes", "sae", "tabular"):
        assert not find_trainer_manifest(name).shape.base_models


def test_a_manifest_says_whether_base_models_can_start_from_others(tmp_path: Path) -> None:
    assert [name for name in trainer_names() if find_trainer_manifest(name).takes_parents] == [
        "personalization",
        "sae",
        "tabular",
    ]
    assert read_manifest(write_trainer(tmp_path, "calm", parents=True)).takes_parents


def test_a_folder_and_a_manifest_are_a_trainer(tmp_path: Path) -> None:
    folder = write_trainer(tmp_path, "calm")
    manifest = find_trainer_manifest("calm", tmp_path)
    assert (manifest.folder, manifest.identity, manifest.shares) == (folder, "trainer:calm:1", ())
    assert {*manifest.flags().by_name} == {"lr", "mode", "prefix", "epochs"}
    assert manifest.shape == JobShape()
    assert trainer_names(tmp_path) == ["calm"]


def test_a_manifest_says_what_fields_mean(tmp_path: Path) -> None:
    modes = {"fit": {}, "plain": {"base_model": False}}
    keys: dict[str, Any] = {"fields": ["lr", "head"], "fine_tuning_fields": ["head", "mode"], "modes": modes}
    shape = read_manifest(write_trainer(tmp_path, "calm", **keys, kind_fields=["mode"])).shape
    base = base_model_of({"lr": 1, "head": 2, "mode": "fit"}, "x", shape=shape)
    assert base is not None and base.config == {"lr": 1, "code": "x"}
    assert base_model_of({"lr": 1, "mode": "plain"}, "x", shape=shape) is None
    assert shape.kind_of({"mode": "fit", "lr": 1}) == "fit"
    assert {*find_trainer_manifest("calm", tmp_path).flags().by_name} == {"lr", "head"}


def test_a_switch_says_false_as_well_as_true(tmp_path: Path) -> None:
    folder = write_trainer(tmp_path, "calm", fields=["amp", "lr"], switches=["amp"])
    flags = read_manifest(folder).flags()
    assert arguments({"amp": False, "lr": 1}, flags) == ["--no-amp", "--lr", "1"]
    assert arguments({"amp": True}, flags) == ["--amp"]
    assert [*dropped({"amp": False}, flags)] == []


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ({"name": "clam"}, 'name .*is `"clam"`, but the folder is called `"calm"`'),
        ({"nmae": 1}, "nmae .*did you mean `name`"),
        ({"version": 1}, "version .*must be a string"),
        ({"version": "1.2"}, "version .*allowed are whole numbers as text"),
        ({"version": None}, "`version` must not be null"),
        ({"sources": "abc"}, "sources .*64 hexadecimal digits"),
        ({"executors": ["proces"]}, r"executors\[0\] .*did you mean `process`"),
        ({"shares": ["common"]}, r'shares\[0\] .*there is no package `"common"` beside'),
        ({"shares": ["../x"]}, r"shares\[0\] .*there is no package"),
        ({"base_models": 1}, "base_models .*is `1`, allowed are true and false"),
        ({"participants": "yes"}, 'participants .*is `"yes"`, allowed are true and false'),
        ({"modes": {"fit": {"base": True}}}, "base .*allowed are base_model"),
        ({"modes": {"fit": True}}, "fit .*must be an object"),
        ({"kind_fields": "mode"}, "kind_fields .*must be a list"),
        ({"fields": ["amp"], "switches": ["apm"]}, r"switches\[0\] .*did you mean `amp`"),
        ({"fields": [1]}, r"fields\[0\] .*must be a string"),
    ],
)
def test_a_wrong_manifest_is_refused_with_its_place(
    tmp_path: Path, keys: dict[str, Any], problem: str
) -> None:
    folder = write_trainer(tmp_path, "calm", **keys)
    with pytest.raises(ConfigError, match=problem) as caught:
        read_manifest(folder)
    assert str(folder / "manifest.json") in str(caught.value)


@pytest.mark.parametrize("missing", ["name", "description", "version", "sources", "executors"])
def test_what_a_manifest_must_say_is_told(tmp_path: Path, missing: str) -> None:
    path = write_trainer(tmp_path, "calm") / "manifest.json"
    content = json.loads(path.read_text())
    del content[missing]
    path.write_text(json.dumps(content))
    with pytest.raises(ConfigError, match=rf"has no `{missing}`: docs/trainers\.md describes"):
        read_manifest(path.parent)


def test_an_unknown_trainer_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    write_trainer(tmp_path, "calm")
    (tmp_path / "common").mkdir()
    with pytest.raises(UsageError, match=r"--trainer: `common` is unknown: did you mean|allowed are calm"):
        find_trainer_manifest("common", tmp_path)


def test_every_manifest_that_ships_is_packaged() -> None:
    text = (TRAINERS.parent / "pyproject.toml").read_text()
    assert '"trainers" = ["*/manifest.json"]' in text
