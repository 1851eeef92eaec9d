"""The words of `twophase set`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from master.verbs import set as verb


@pytest.mark.parametrize(("text", "most"), [("0", 0), ("4", 4), ("unlimited", None)])
def test_how_many_run_at_a_time(run: Path, given: list[Any], text: str, most: int | None) -> None:
    assert verb.main(["--at-once", text, "--run", str(run)]) == 0
    assert given == [("set-at-once", {"most": most}, "")]


def test_what_goes_first(run: Path, given: list[Any]) -> None:
    assert verb.main(["--priority", "-3", "lr=0.01", "--run", str(run)]) == 0
    fields = {"jobs": ["alpha/lr=0.01"], "only": [], "priority": -3}
    assert given == [("set-priority", fields, "")]


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["--at-once", "-1"],
        ["--at-once", "all"],
        ["--slots", "0", "lab4"],
        ["--priority", "x", "plain"],
        ["--priority", "1", "--at-once", "2", "plain"],
    ],
)
def test_other_words_are_wrong(run: Path, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        verb.main([*words, "--run", str(run)])
    assert ended.value.code == 2


def test_jobs_are_for_priorities_alone(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verb.main(["--at-once", "2", "plain", "--run", str(run)]) == 2
    assert "of the whole run" in capsys.readouterr().err


@pytest.mark.parametrize(("text", "slots"), [("1", 1), ("all", 0)])
def test_how_many_run_on_a_worker(run: Path, given: list[Any], text: str, slots: int) -> None:
    assert verb.main(["--slots", text, "lab4", "lab5", "--run", str(run)]) == 0
    assert given == [("set-slots", {"workers": ["lab4", "lab5"], "slots": slots}, "")]


@pytest.mark.parametrize("words", [[], ["lab4", "--where", "lr=1"]])
def test_slots_are_of_workers(
    run: Path, given: list[Any], words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert verb.main(["--slots", "2", *words, "--run", str(run)]) == 2
    assert "--slots is of workers: name them" in capsys.readouterr().err and not given


def test_who_is_told_is_a_file_that_is_mine_alone(
    run: Path,
    given: list[Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: object())
    file = tmp_path / "told"
    file.touch(0o600)
    monkeypatch.chdir(tmp_path)
    assert verb.main(["--notify", "told", "--run", str(run)]) == 0
    assert given == [("set-notify", {"addresses": str(file)}, "")]
    file.chmod(0o644)
    assert verb.main(["--notify", "told", "--run", str(run)]) == 3
    assert "others may read it" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        verb.main(["--notify", "ntfys://secret", "--run", str(run)])
    assert "secret" not in capsys.readouterr().err
    assert verb.main(["--notify", "told", "plain", "--run", str(run)]) == 2
    assert "--notify is of the whole run" in capsys.readouterr().err and len(given) == 1
