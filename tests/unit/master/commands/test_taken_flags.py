"""What a command knows of the flags of the jobs' script, and tells of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from master.code.sources import CodeRequest, Sources, find_sources
from master.code.trainer_manifest import find_trainer_manifest
from master.commands.taken_flags import flags_taken, notes_on_flags
from master.core.flags.declared import NOTHING_KNOWN, ScriptFlags
from master.core.flags.passing import arguments
from master.intake.jobs import parse_jobs

SCRIPT = (
    "import argparse\np = argparse.ArgumentParser()\np.add_argument('--lr')\np.add_argument('-e', type=int)\n"
)


@pytest.fixture
def sources(tmp_path: Path) -> Sources:
    (tmp_path / "train.py").write_text(SCRIPT)
    return find_sources(CodeRequest(tmp_path / "train.py"))


@pytest.mark.parametrize(
    ("style", "argv"),
    [
        (None, ["--lr", "0.1", "-e", "3"]),
        ("separate", ["--lr", "0.1", "-e", "3"]),
        ("joined", ["--lr=0.1", "-e=3"]),
        ("bare", ["lr=0.1", "e=3"]),
    ],
)
def test_flags_are_written_as_the_user_wants(sources: Sources, style: str | None, argv: list[str]) -> None:
    assert arguments({"lr": 0.1, "e": 3}, flags_taken(sources, None, style)) == argv


def test_a_trainer_is_asked_for_its_own(sources: Sources) -> None:
    script = flags_taken(sources, find_trainer_manifest("personalization"))
    assert (script.script, script.open, script.is_exact) == ("the script", "", True)
    assert "batch_size" in script.by_name and "lr" in script.by_name


def notes(jobs: list[dict[str, Any]], script: ScriptFlags) -> list[str]:
    return list(notes_on_flags(parse_jobs(json.dumps(jobs), code="x", script=script), script))


def test_a_prefix_that_is_not_passed_is_told_where_the_script_was_not_read(sources: Sources) -> None:
    assert notes([{"prefix": "a"}], NOTHING_KNOWN) == [
        "prefix names the folder of results; the script was not seen to take it, and is not told"
    ]
    assert notes([{"prefix": "a"}], flags_taken(sources, None)) == []
    over = {"participants": ["a", "b"], "fold": 0, "prefix": "a"}
    assert len(notes([over], NOTHING_KNOWN)) == 1 and "let through" in notes([over], NOTHING_KNOWN)[0]


def test_what_base_models_are_not_told_is_said(sources: Sources) -> None:
    def said(rule: Any) -> list[str]:
        swept = {"base_model": rule, "grid": {"lr": [0.1, 0.01], "e": [1, 2]}}
        script = flags_taken(sources, None)
        return list(notes_on_flags(parse_jobs(json.dumps(swept), code="x", script=script), script))

    end = "not passed in Phase 1, for they do not identify a base model: lr"
    assert said({"include": ["e"]}) == said({"exclude": ["lr"]}) == [f"base models are trained with e; {end}"]
    assert said({"include": []}) == [f"base models are trained with no field; {end}, e"]
    assert said(True) == said(False) == []
    swept = {"stages": [{"name": "everyone", "fields": ["e"]}], "grid": {"lr": [0.1], "e": [1, 2]}}
    script = flags_taken(sources, None)
    (told,) = notes_on_flags(parse_jobs(json.dumps(swept), code="x", script=script), script)
    assert told.endswith("not passed to any of these trainings, for they do not identify a base model: lr")
