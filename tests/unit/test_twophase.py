"""The one door to all commands."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import twophase
from master.verbs import ps
from master.verbs.table import VERBS
from worker_agent import __version__

TRAINERS = Path(twophase.__file__).parent / "trainers"


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_tells_every_command_in_a_line(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["twophase", word])
    assert twophase.main() == 0
    told = capsys.readouterr()
    assert told.err == "" and told.out.startswith("usage: twophase VERB …; twophase VERB --help")
    lines = [line for line in told.out.splitlines() if line.startswith("  ")]
    trainers = [json.loads(path.read_text())["name"] for path in TRAINERS.glob("*/manifest.json")]
    assert {line.split()[0] for line in lines} == {*VERBS, *twophase._COMMANDS, *trainers}
    assert all(len(line.split()) > 3 for line in lines)


@pytest.mark.parametrize("words", [[], ["run_tow_phase"]])
def test_what_is_no_command_is_wrong(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["twophase", *words])
    assert twophase.main() == 2
    told = capsys.readouterr()
    assert told.out == ""
    if words:
        wrong, way = told.err.splitlines()
        assert wrong == "twophase: unknown command run_tow_phase: did you mean `twophase run_two_phase`?"
        assert way == "twophase --help tells all verbs and commands"
    else:
        assert told.err.startswith("usage: ") and "run_all_training" in told.err


def test_the_nearest_word_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["twophase", "run_tow_phase"])
    assert twophase.main() == 2
    assert "did you mean `twophase run_two_phase`?" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["ps"], ["train_sae"], ["sae"]])
def test_every_word_knows_its_version(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["twophase", *words, "--version"])
    assert twophase.main() == 0
    told = {"ps": "twophase ps"}.get(*words, *words) if words else "twophase"
    assert capsys.readouterr().out == f"{told} {__version__}\n"


def test_a_verb_gets_the_words_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    monkeypatch.setattr("sys.argv", ["twophase", "ps", "--failed"])
    monkeypatch.setattr(ps, "main", lambda words: seen.append(words) or 3)
    assert twophase.main() == 3 and seen == [["--failed"]]


def test_packages_that_are_ours_already_stay_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sys.modules["worker_agent"]
    monkeypatch.setattr("sys.argv", ["twophase", "--version"])
    assert twophase.main() == 0
    assert sys.modules["worker_agent"] is before
