"""The one door to all commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import twophase

TRAINERS = Path(twophase.__file__).parent / "trainers"


@pytest.mark.parametrize("word", ["--help", "-h"])
def test_help_tells_every_command_in_a_line(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["twophase", word])
    assert twophase.main() == 0
    told = capsys.readouterr()
    assert told.err == "" and told.out.startswith("usage: python -m twophase COMMAND")
    lines = [line for line in told.out.splitlines() if line.startswith("  ")]
    trainers = [json.loads(path.read_text())["name"] for path in TRAINERS.glob("*/manifest.json")]
    assert {line.split()[0] for line in lines} == {*twophase._COMMANDS, *trainers}
    assert all(len(line.split()) > 3 for line in lines)


@pytest.mark.parametrize("words", [[], ["run_tow_phase"]])
def test_what_is_no_command_is_wrong(
    words: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["twophase", *words])
    assert twophase.main() == 2
    told = capsys.readouterr()
    assert told.out == "" and "run_all_training" in told.err
    assert told.err.startswith("twophase: unknown command run_tow_phase\n" if words else "usage: ")
