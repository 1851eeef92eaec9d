"""Scripts that can make base models, and those that cannot be seen to."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.code.base_model_words import no_place_for_base_models, no_place_for_rungs
from master.code.identity import record_of
from master.code.snapshot import trainer_sources
from master.code.sources import CodeRequest, find_sources
from master.code.trainer_manifest import find_trainer_manifest


def told(folder: Path, script: str, helper: str = "") -> str:
    (folder / "train.py").write_text(script)
    (folder / "helper.py").write_text(helper)
    sources = find_sources(CodeRequest(folder / "train.py"))
    return no_place_for_base_models(sources, record_of(sources))


@pytest.mark.parametrize(
    ("script", "helper"),
    [
        ("import os\nout = os.environ['TWOPHASE_BASE_MODEL_DIR']\n", ""),
        ("import helper\n", "DIR = 'TWOPHASE_BASE_MODEL_DIR'\n"),
        ("open('experiments/base_models/x/model.pt')\n", ""),
    ],
)
def test_a_script_that_names_a_place_itself_or_through_an_import_is_left_alone(
    tmp_path: Path, script: str, helper: str
) -> None:
    assert told(tmp_path, script, helper) == ""


def test_a_script_that_names_none_is_told_the_contract(tmp_path: Path) -> None:
    note = told(tmp_path, "print(1)\n", "DIR = 'TWOPHASE_BASE_MODEL_DIR'\n")
    assert note.startswith("train.py is not seen to make base models")
    assert "TWOPHASE_BASE_MODEL_DIR" in note and note.endswith("(docs/script_contract.md)")


def test_a_file_that_is_gone_and_a_trainer_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print(1)\n")
    sources = find_sources(CodeRequest(tmp_path / "train.py"))
    record = record_of(sources)
    (tmp_path / "train.py").unlink()
    assert no_place_for_base_models(sources, record) == ""
    trainer = trainer_sources(find_trainer_manifest("personalization"))
    assert no_place_for_base_models(trainer, record_of(trainer)) == ""


def test_a_script_that_names_no_rung_to_go_on_from_is_told_where_it_lies(tmp_path: Path) -> None:
    told(tmp_path, "base = 'TWOPHASE_BASE_MODEL_DIR'\n")
    sources = find_sources(CodeRequest(tmp_path / "train.py"))
    note = no_place_for_rungs(sources, record_of(sources))
    assert note.startswith("train.py is not seen to go on from") and "TWOPHASE_RESUME_MODEL_DIR" in note
    told(tmp_path, "import helper\n", "lower = 'TWOPHASE_RESUME_MODEL_DIR'\n")
    sources = find_sources(CodeRequest(tmp_path / "train.py"))
    assert no_place_for_rungs(sources, record_of(sources)) == ""
