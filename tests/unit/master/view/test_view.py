"""Which view a run gets."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest

from master.core.running.commands import Transition
from master.core.running.records import RunState
from master.errors import UsageError
from master.runs.notices import Ended, Noted, Notices, Refreshed, Seen, Transitions
from master.view.live import LiveView
from master.view.plain import PlainView
from master.view.view import View, open_views
from tests.support.scripted_run import ScriptedRun, jobs_spec
from worker_agent.protocol.reports import Said


def only(views: list[View]) -> View:
    (view,) = views
    return view


class Telling:
    """Tells of each transition."""

    def __init__(self, notices: Notices) -> None:
        self._notices = notices

    def transition(self, transition: Transition, state: RunState) -> None:
        self._notices.tell(Transitions([transition], state))


def test_a_terminal_gets_the_live_view_and_a_pipe_gets_lines() -> None:
    assert isinstance(only(open_views(terminal=True, stream=StringIO())), LiveView)
    assert isinstance(only(open_views(terminal=False, stream=StringIO())), PlainView)
    assert isinstance(only(open_views(stream=StringIO())), PlainView)
    assert isinstance(only(open_views(terminal=True, quiet=True, stream=StringIO())), PlainView)


def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(only(open_views(terminal=True, stream=StringIO())), PlainView)


def test_the_log_file_takes_everything_after_what_it_holds(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "run.log"
    path.parent.mkdir()
    path.write_text("before\n")
    stream = StringIO()
    notices = Notices(open_views(quiet=True, stream=stream, log_file=path))
    run = ScriptedRun(jobs_spec(100, 0), ["lab1"], watcher=Telling(notices))
    run.up("lab1", 100)
    notices.tell(Noted("hello"))
    notices.tell(Seen("lab1", "alpha/job0", 1, Said(epoch=1)))
    for number in range(100):
        run.succeed(f"job{number}", seconds=0)
    notices.tell(Refreshed(run.state, run.at))
    notices.tell(Ended(run.state, 0))
    notices.tell(Ended(run.state, 0))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "before"
    assert sum("finished" in line for line in lines) == 100
    assert any(line.endswith("hello") for line in lines)
    assert stream.getvalue() == ""


def test_a_log_file_that_cannot_be_written_is_the_users_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--log-file .*: Is a directory"):
        open_views(log_file=tmp_path)
