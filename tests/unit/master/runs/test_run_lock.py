"""One master at a time works in a run directory."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.errors import UsageError
from master.runs.run_lock import exclusive, last_elsewhere
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
