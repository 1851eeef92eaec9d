"""Which view a run gets."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest

from master.errors import UsageError
from master.view.live import LiveView
from master.view.plain import PlainView
from master.view.view import open_view
from tests.support.scripted_run import ScriptedRun, jobs_spec


def test_a_terminal_gets_the_live_view_and_a_pipe_gets_lines() -> None:
    assert isinstance(open_view(terminal=True, stream=StringIO()), LiveView)
    assert isinstance(open_view(terminal=False, stream=StringIO()), PlainView)
    assert isinstance(open_view(stream=StringIO()), PlainView)
    assert isinstance(open_view(terminal=True, quiet=True, stream=StringIO()), PlainView)


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(open_view(terminal=True, stream=StringIO()), PlainView)


def test_the_log_file_takes_everything_after_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "run.log"
    path.parent.mkdir()
    path.write_text("before\n")
    stream = StringIO()
    view = open_view(quiet=True, stream=stream, log_file=path)
    run = ScriptedRun(jobs_spec(100, 0), ["lab1"], watcher=view)
    run.up("lab1", 100)
    view.note("hello")
    view.progress("lab1", "alpha/job0", 1, {"epoch": 1})
    for number in range(100):
        run.succeed(f"job{number}", seconds=0)
    view.refresh(run.state, run.at)
    view.close()
    view.close()
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "before"
    assert sum("finished" in line for line in lines) == 100
    assert any(line.endswith("hello") for line in lines)
    assert stream.getvalue() == ""


def test_a_log_file_that_cannot_be_written_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--log-file .*: Is a directory"):
        open_view(log_file=tmp_path)
