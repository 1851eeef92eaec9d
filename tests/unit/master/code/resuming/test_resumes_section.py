"""What a manifest says of trainings that go on from others, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from master.code.trainer_manifest import find_trainer_manifest, read_manifest, trainer_names
from master.errors import ConfigError
from master.specs import Rungs
from tests.support.empty_trainer import write_trainer


def test_a_manifest_says_by_which_field_trainings_go_on(tmp_path: Path) -> None:
    said = {"field": "epochs", "horizon": "schedule_epochs", "not_with": {"optimizer": ["lion", None]}}
    found = read_manifest(write_trainer(tmp_path, "calm", resumes=said)).shape.rungs
    assert found == Rungs("epochs", "schedule_epochs", {"optimizer": ("lion", None)})
    assert read_manifest(write_trainer(tmp_path, "brief", resumes={"field": "steps"})).shape.rungs == Rungs(
        "steps"
    )


def test_a_manifest_that_says_nothing_resumes_nothing(tmp_path: Path) -> None:
    assert read_manifest(write_trainer(tmp_path, "calm")).shape.rungs is None


@pytest.mark.parametrize(
    ("resumes", "problem"),
    [
        ([], "resumes .*must be an object"),
        ({"fields": "epochs"}, "did you mean `field`"),
        ({}, "resumes .*has no `field`"),
        ({"field": ["epochs"]}, "field .*must be"),
        ({"field": "epoch"}, "field .*did you mean `epochs`"),
        ({"field": "timeout"}, r'field .*is `"timeout"`, a setting for Twophase'),
        ({"field": "epochs", "horizon": "epochs"}, "horizon .*the field itself"),
        ({"field": "epochs", "horizon": "epocs"}, "horizon .*did you mean `epochs`"),
        ({"field": "epochs", "not_with": ["mode"]}, "not_with .*must be an object"),
        ({"field": "epochs", "not_with": {"mode": []}}, r"not_with\.mode .*is empty"),
        ({"field": "epochs", "not_with": {"moode": ["x"]}}, r"moode .*did you mean `mode`"),
    ],
)
def test_clashing_words_are_refused_with_their_place(tmp_path: Path, resumes: Any, problem: str) -> None:
    folder = write_trainer(tmp_path, "calm", fields=["epochs", "mode"], resumes=resumes)
    with pytest.raises(ConfigError, match=problem) as caught:
        read_manifest(folder)
    assert str(folder / "manifest.json") in str(caught.value)


@pytest.mark.parametrize("name", trainer_names())
def test_what_ships_names_flags_that_the_trainer_takes(name: str) -> None:
    manifest = find_trainer_manifest(name)
    said = manifest.shape.rungs
    if said is not None:
        named = {said.by, said.horizon, *said.not_with} - {""}
        assert named <= manifest.flags().by_name.keys()
