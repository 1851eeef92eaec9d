"""A log is followed by a master while one works, else by what is home; the exit code tells how it ended."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest

from master.errors import TwophaseError
from master.storage.run_layout import RunLayout
from master.verbs.common import following
from master.verbs.common.following import NO_MASTER, NOT_HERE, NOT_SUCCEEDED, SUCCEEDED, follow

FAILED, RUNNING = "alpha/lr=0.1", "alpha/plain"


class Sink:
    """Remembers what it is given."""

    def __init__(self) -> None:
        self.log, self.said, self.cuts, self.ended = b"", list[str](), list[int](), ""

    def begin(self, attempt: int) -> None:
        self.log += b"<%d>" % attempt

    def write(self, offset: int, cut: int, data: bytes) -> None:
        self.log += data
        self.cuts += [cut] if cut else []

    def say(self, text: str) -> None:
        self.said.append(text)

    def end(self, state: str) -> None:
        self.ended = state


def data(attempt: int, offset: int, text: bytes, cut: int = 0) -> dict[str, Any]:
    encoded = base64.b64encode(text).decode()
    return {"attempt": attempt, "offset": offset, "cut": cut, "data": encoded}


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Let a master tell these."""
    told = list[dict[str, Any]]()
    monkeypatch.setattr(following, "followed", lambda layout, job_id, lines: iter(told))
    return told


@pytest.fixture
def no_master(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "followed", lambda layout, job_id, lines: None)


def at_home(run: Path, job_id: str, text: bytes, attempt: int = 1) -> None:
    path = RunLayout(run).log(job_id, attempt)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text)


@pytest.mark.parametrize(("state", "code"), [("succeeded", SUCCEEDED), ("cancelled", NOT_SUCCEEDED)])
def test_two_tries_are_shown_until_the_end(
    state: str, code: int, run: Path, frames: list[dict[str, Any]]
) -> None:
    frames += [
        {"begin": 1, "worker": "lab1"},
        data(1, 0, b"one\n"),
        {"says": "lab1 is not connected"},
        data(1, 100, b"two\n", cut=96),
        {"begin": 2, "worker": "lab2"},
        data(2, 0, b"three"),
        {"end": state, "attempt": 2, "note": ""},
    ]
    sink = Sink()
    assert follow(RunLayout(run), RUNNING, 10, sink) == code
    assert sink.log == b"<1>one\ntwo\n<2>three" and sink.cuts == [96] and sink.ended == state
    assert sink.said[:2] == ["lab1 is not connected", "try 2 on lab2:"]
    assert (code == SUCCEEDED) == (len(sink.said) == 2)


def test_after_a_master_that_is_gone_the_rest_is_home(run: Path, frames: list[dict[str, Any]]) -> None:
    at_home(run, FAILED, b"one two")
    frames += [{"begin": 1, "worker": "lab1"}, data(1, 0, b"one ")]
    sink = Sink()
    assert follow(RunLayout(run), FAILED, 10, sink) == NOT_SUCCEEDED
    assert sink.log == b"<1>one two" and "the master is gone" in sink.said[0]


def test_a_job_that_nobody_watches_any_more_is_told_of(run: Path, frames: list[dict[str, Any]]) -> None:
    frames += [{"begin": 1, "worker": "lab1"}, data(1, 0, b"one ")]
    sink = Sink()
    assert follow(RunLayout(run), RUNNING, 10, sink) == NO_MASTER
    assert "the job is running, and goes on with its run" in sink.said[-1]


@pytest.mark.usefixtures("no_master")
def test_without_a_master_what_is_home_is_shown_and_said_so(run: Path) -> None:
    at_home(run, FAILED, b"one\ntwo\nthree\n")
    sink = Sink()
    assert follow(RunLayout(run), FAILED, 2, sink) == NOT_SUCCEEDED
    assert sink.log == b"<1>two\nthree\n" and not sink.cuts
    assert "no master of this machine works in" in sink.said[0] and "shown is what came home" in sink.said[0]


@pytest.mark.usefixtures("no_master")
def test_without_a_master_and_a_log_the_code_says_so(run: Path) -> None:
    sink = Sink()
    assert follow(RunLayout(run), FAILED, 2, sink) == NOT_HERE
    assert "its log did not come home" in sink.said[-1]


def test_a_master_of_another_version_is_one_line(run: Path, frames: list[dict[str, Any]]) -> None:
    frames.append({"begin": "soon"})
    with pytest.raises(TwophaseError, match="is it of this version"):
        follow(RunLayout(run), RUNNING, 10, Sink())
