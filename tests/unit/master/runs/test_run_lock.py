"""One master at a time works in a run directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.errors import UsageError
from master.runs import run_lock
from master.runs.control.place import is_working, listening
from master.runs.run_lock import exclusive, is_held, last_elsewhere
from master.storage.run_layout import RunLayout


def test_one_master_at_a_time(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path / "run")
    with exclusive(layout):
        with (
            pytest.raises(UsageError, match=r"another run_two_phase is working in .*process \d+ on .* since"),
            exclusive(layout),
        ):
            raise AssertionError("both got in")
        assert layout.lock.read_text().startswith("process ")
    with exclusive(layout):
        assert len(layout.lock.read_text().splitlines()) == 1
    assert layout.state.stat().st_mode & 0o077 == 0


def test_a_run_directory_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").touch()
    with (
        pytest.raises(UsageError, match=r"--run-dir .*Not a directory"),
        exclusive(RunLayout(tmp_path / "run")),
    ):
        raise AssertionError("it got in")


def test_who_held_it_last_is_told_where_that_was_another_machine(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path / "run")
    assert last_elsewhere(layout) == ""
    with exclusive(layout):
        assert last_elsewhere(layout) == ""
    for said, told in (
        ("process 7 on lab9 since 2026-11-27 03:00:00\n", "process 7 on lab9 since 2026-11-27 03:00:00"),
        ("\x00\xff nothing of ours", ""),
        ("", ""),
    ):
        layout.lock.write_text(said)
        assert last_elsewhere(layout) == told


def test_a_lock_is_seen_without_being_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout, locks = RunLayout(tmp_path / "run"), tmp_path / "locks"
    monkeypatch.setattr(run_lock, "_LOCKS", locks)
    assert not is_held(layout) and not is_working(layout)
    with exclusive(layout):
        assert not is_held(layout)  # the system tells nothing of locks
    inode = layout.lock.stat().st_ino
    locks.write_text(
        f"1: FLOCK  ADVISORY  WRITE 7 08:01:{inode}1 0 EOF\n2: POSIX ADVISORY READ 7 08:01:{inode} 0 EOF\n"
    )
    assert not is_held(layout)
    locks.write_text(f"1: FLOCK  ADVISORY  WRITE 7 08:01:{inode} 0 EOF\n")
    assert is_held(layout) and is_working(layout)


def test_a_master_works_where_its_socket_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layout = RunLayout(tmp_path / "run")
    layout.state.mkdir(parents=True)
    with listening(layout):
        assert is_working(layout)
    assert not is_working(layout)  # it was killed: its socket is left
    monkeypatch.setattr("master.runs.control.place.connected", _refused)
    assert is_working(layout)


def _refused(layout: RunLayout) -> None:
    raise PermissionError
