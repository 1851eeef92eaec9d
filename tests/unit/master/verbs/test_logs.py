"""`twophase logs`."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.core.explaining.standing import Standing
from master.storage.run_layout import RunLayout
from master.verbs import logs
from master.verbs.logs import find_log, main
from master.view.answers.log_text import tail
from tests.unit.master.verbs.published import as_published

JOB = "alpha/lr=0.1"
TEXT = b"one\n\x1b[31mtwo\x1b[0m\n 10%\r 20%\r  done\nbad \xff\n"


@pytest.fixture
def log(run: Path) -> Path:
    path = RunLayout(run).log(JOB, 1)
    path.parent.mkdir(parents=True)
    path.write_bytes(TEXT)
    return path


def test_a_log_is_shown_as_a_terminal_may_have_it(
    run: Path, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([JOB, "--run", str(run)]) == 0
    assert capsys.readouterr().out == "one\ntwo\n  done\nbad �\n"


def test_the_end_of_an_id_will_do_and_the_last_lines(
    run: Path, log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["lr=0.1", "--run", str(run), "--lines", "2"]) == 0
    assert capsys.readouterr().out == "  done\nbad �\n"


def test_raw_is_byte_by_byte(run: Path, log: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    assert main([JOB, "--run", str(run), "--raw"]) == 0
    assert capfdbinary.readouterr().out == TEXT


def test_json_has_the_text_and_the_place(run: Path, log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([JOB, "--run", str(run), "--json"]) == 0
    printed = as_published("logs", capsys.readouterr().out)
    assert (printed["path"], printed["attempt"]) == (str(log), 1) and printed["text"].startswith("one\n")


@pytest.mark.parametrize(
    ("job", "more", "says"),
    [
        ("alpha/plain", [], "try 1 is running on lab1, and its log comes home when it ends"),
        ("alpha/lr=0.01", [], "has not begun: it is pending and has written nothing"),
        (JOB, [], "the log of try 1 did not come home, or has been removed"),
        (JOB, ["--attempt", "3"], "has no try 3: the last one is 1"),
    ],
)
def test_where_a_log_is_that_is_not_here(
    job: str, more: list[str], says: str, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([job, "--run", str(run), *more]) == 1
    assert says in capsys.readouterr().err
    assert main([job, "--run", str(run), "--json", *more]) == 1
    assert says in as_published("logs", capsys.readouterr().out)["where"]


def test_the_last_attempt_with_a_log_is_taken(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path)
    for attempt in (1, 2):
        layout.log("a/b", attempt).parent.mkdir(parents=True, exist_ok=True)
        layout.log("a/b", attempt).write_text("x")
    assert find_log(layout, "a/b", Standing(attempt=3, attempts=3), None).attempt == 2
    assert find_log(layout, "a/b", Standing(attempt=3, attempts=3), 1).path == layout.log("a/b", 1)


def test_a_line_without_an_end_is_cut_and_that_is_said(
    run: Path, log: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    log.write_bytes(b"x" * 300_000)
    found, is_cut = tail(log, 10, most=100_000)
    assert is_cut and 100_000 <= len(found) < 300_000
    monkeypatch.setattr(logs, "tail", lambda path, lines: (b"xx", True))
    assert main([JOB, "--run", str(run)]) == 0
    assert f"shown is their end, 2 bytes; all is in {log}" in capsys.readouterr().err


def test_following_and_a_try_that_is_over_exclude_each_other(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([JOB, "--run", str(run), "-f", "--attempt", "1"]) == 2
    assert "-f follows the last one: give one of them" in capsys.readouterr().err


def test_without_a_master_following_shows_what_came_home(
    run: Path, log: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main([JOB, "--run", str(run), "-f"]) == 4
    out, err = capfdbinary.readouterr()
    assert out == TEXT and b"no master of this machine works in" in err
