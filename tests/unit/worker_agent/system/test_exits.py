"""How processes ended is written down a line each, and read by pid and start."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from worker_agent.system import exits
from worker_agent.system.exits import Ended, OwnEnds, are_many, exit_code, keep_only, note, read, seen


def note_own(path: Path, ended: Ended) -> None:
    own = OwnEnds(path)
    own.note(ended)
    own.close()


FIRST, SECOND = Ended(7, 100, 200, 0, 4096), Ended(7, 300, 400, 9, 8192)


def test_a_pid_that_was_given_twice_is_two_processes(tmp_path: Path) -> None:
    path = tmp_path / "exits.jsonl"
    assert read(path) == {}
    note(path, FIRST)
    note(path, SECOND)
    assert read(path) == {(7, 100): FIRST, (7, 300): SECOND}


@pytest.mark.parametrize("rest", [b'{"pid": 8', b"\xff\n", b"[]\n", b'{"pid": 8}\n', b"null\n"])
def test_what_is_not_whole_is_left_out(tmp_path: Path, rest: bytes) -> None:
    path = tmp_path / "exits.jsonl"
    note(path, FIRST)
    path.write_bytes(path.read_bytes() + rest)
    assert read(path) == {(7, 100): FIRST}


@pytest.mark.parametrize("write", [note, note_own])
def test_where_nothing_can_be_written_nothing_is_raised(
    tmp_path: Path, write: Callable[[Path, Ended], None]
) -> None:
    write(tmp_path / "gone" / "exits.jsonl", FIRST)
    assert read(tmp_path / "gone" / "exits.jsonl") == {}


def test_what_somebody_removes_is_made_anew_with_the_next_end(tmp_path: Path) -> None:
    path = tmp_path / "exits.jsonl"
    own = OwnEnds(path)
    own.note(FIRST)
    path.unlink()
    own.note(SECOND)
    own.close()
    assert read(path) == {(7, 300): SECOND}


def test_an_agent_and_a_keeper_write_to_the_same_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "exits.jsonl"
    note_own(path, FIRST)
    note(path, SECOND)
    assert read(path) == {(7, 100): FIRST, (7, 300): SECOND}

    def full(descriptor: int, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(exits.os, "write", full)
    note_own(path, Ended(8, 1, 2, 0, 0))
    monkeypatch.undo()
    assert read(path) == {(7, 100): FIRST, (7, 300): SECOND}


@pytest.mark.parametrize(("status", "code"), [(0, 0), (3 << 8, 3), (9, -9), (6 | 0x80, -6)])
def test_a_status_is_an_exit_code_or_a_signal(status: int, code: int) -> None:
    assert exit_code(status) == code


@pytest.mark.parametrize(
    ("code", "status", "exits_with"), [(os.CLD_EXITED, 3, 3), (os.CLD_KILLED, 9, -9), (os.CLD_DUMPED, 6, -6)]
)
def test_an_end_is_known_before_the_child_is_reaped(code: int, status: int, exits_with: int) -> None:
    waited = os.waitid_result((os.getpid(), 0, 17, status, code))
    ended = seen(waited)
    assert (ended.pid, exit_code(ended.status), ended.peak_rss_bytes) == (os.getpid(), exits_with, 0)
    assert 0 < ended.start_ticks <= ended.end_ticks


def test_what_nobody_asks_for_any_more_is_forgotten_once_it_is_much(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "exits.jsonl"
    assert not are_many(path)
    note(path, FIRST)
    note(path, Ended(8, 1, 2, 0, 0))
    assert not are_many(path)
    monkeypatch.setattr(exits, "_MANY_BYTES", 100)
    assert are_many(path)
    keep_only(path, {7})
    note(path, SECOND)
    assert read(path) == {(7, 100): FIRST, (7, 300): SECOND}


def test_who_holds_the_file_open_notes_into_the_one_that_is_left(tmp_path: Path) -> None:
    path = tmp_path / "exits.jsonl"
    own = OwnEnds(path)
    assert not own.are_many()
    for ended in (FIRST, Ended(8, 1, 2, 0, 0)):
        own.note(ended)
    own.keep_only({7})
    own.note(SECOND)
    own.close()
    own.close()
    assert read(path) == {(7, 100): FIRST, (7, 300): SECOND}


def test_an_end_that_is_noted_while_others_are_forgotten_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, real = tmp_path / "exits.jsonl", os.open
    note(path, FIRST)

    def forget_after_opening(name: str, *more: int) -> int:
        descriptor = real(name, *more)
        monkeypatch.setattr(exits.os, "open", real)
        keep_only(path, {7})
        return descriptor

    monkeypatch.setattr(exits.os, "open", forget_after_opening)
    note(path, SECOND)
    assert read(path) == {(7, 100): FIRST, (7, 300): SECOND}


def test_where_nothing_can_be_written_all_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "exits.jsonl"
    note(path, FIRST)

    def full(path: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    keep_only(path, ())
    assert read(path) == {(7, 100): FIRST}


def test_when_a_child_was_started_is_asked_only_where_it_is_not_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(exits.processes, "start_ticks_of", lambda pid: 100)
    waited = os.waitid_result((7, 0, 17, 0, os.CLD_EXITED))
    assert [seen(waited, ticks).start_ticks for ticks in (-1, 0, 55)] == [100, 0, 55]
