"""A run of the command: what it leaves when something goes wrong, and what it says."""

from __future__ import annotations

import gc
import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from master.adapters.inbox import Inbox
from master.commands import run_two_phase, two_phase_run
from master.errors import InternalError
from master.runs import run as run_module
from master.runs.notices import Ended, Noted, Notice, Notices
from master.runs.run_lock import exclusive
from master.storage.run_layout import RunLayout
from tests.unit.master.commands.conftest import probing


class Notes:
    """A view that remembers notes and whether it was closed."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.closed = False

    def subscribe(self, notices: Notices) -> None:
        notices.listen(Noted, lambda noted: self.notes.append(noted.text))
        notices.listen(Ended, lambda _: self.close())

    def close(self) -> None:
        self.closed = True


def ending(code: int | Exception) -> Callable[..., Any]:
    """Return what stands for the dispatcher: it tells what is to be said at the start, and ends."""

    class Ending:
        def __init__(
            self, shared: object, journal: object, inbox: Inbox, ports: object, tell: Callable[[Notice], None]
        ) -> None:
            self._inbox, self._tell = inbox, tell

        def run(self) -> int:
            while not self._inbox.empty():
                item = self._inbox.get()
                assert isinstance(item, Noted)
                self._tell(item)
            if isinstance(code, Exception):
                raise code
            return code

    return Ending


def run_to(
    monkeypatch: pytest.MonkeyPatch, argv: list[str], code: int | Exception, *flags: str
) -> tuple[int, Notes]:
    view = Notes()
    monkeypatch.setattr(two_phase_run, "open_views", lambda **_: [view])
    monkeypatch.setattr(run_module, "Dispatcher", ending(code))
    return run_two_phase.main([*argv, *flags]), view


def test_while_a_run_goes_on_no_garbage_is_looked_for_in_what_was_there(
    monkeypatch: pytest.MonkeyPatch, argv: list[str]
) -> None:
    kept: list[int] = []
    before = gc.get_freeze_count()
    monkeypatch.setattr(two_phase_run, "_greet", lambda *_: kept.append(gc.get_freeze_count()))
    assert run_to(monkeypatch, argv, 0)[0] == 0
    assert kept[0] > before and gc.get_freeze_count() <= before


@pytest.mark.parametrize("code", [0, 1, 4, 130])
def test_the_exit_code_is_the_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argv: list[str], code: int
) -> None:
    assert run_to(monkeypatch, argv, code, "--json")[0] == code
    assert isinstance(json.loads(capsys.readouterr().out), dict)


def test_a_defect_closes_all_and_leaves_the_run_to_be_continued(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argv: list[str], tmp_path: Path
) -> None:
    threads = threading.active_count()
    code, view = run_to(monkeypatch, argv, InternalError("alpha/job cannot finish"))
    assert (code, view.closed) == (70, True)
    assert "alpha/job cannot finish" in capsys.readouterr().err
    assert threading.active_count() == threads
    layout = RunLayout(tmp_path / "run")
    with exclusive(layout):
        assert [path.name for path in layout.state.iterdir() if "-wal" in path.name] == []
    assert run_to(monkeypatch, argv, 0, "--quiet")[0] == 0


def test_what_views_are_told_is_not_said_in_the_plan_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argv: list[str], tmp_path: Path
) -> None:
    (tmp_path / "src" / "data").symlink_to(tmp_path)
    _, view = run_to(monkeypatch, argv, 0)
    assert len(view.notes) == 1 and view.notes[0].startswith("data: a link to a folder is not copied")
    page = capsys.readouterr().out
    assert "Project root: " in page and "not copied" not in page


def test_what_is_not_copied_and_not_needed_is_said(
    monkeypatch: pytest.MonkeyPatch, argv: list[str], tmp_path: Path
) -> None:
    for number in range(7):
        (tmp_path / "src" / f"data{number}").symlink_to(tmp_path)
    _, view = run_to(monkeypatch, argv, 0, "--tmux-session", "mine", "--json")
    assert view.notes[0].startswith("data0: a link to a folder is not copied as code")
    assert view.notes[5] == "… and 2 more beside the script that are not copied as code"
    assert view.notes[6].startswith("--tmux-session is no longer needed")
    assert len(view.notes) == 7


@pytest.mark.parametrize("quiet", [True, False])
def test_a_script_that_only_workers_may_understand_is_said_and_run(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
    tmp_path: Path,
    quiet: bool,
) -> None:
    server = {"host": "lab1", "gpus": 1}
    (tmp_path / "cluster.json").write_text(json.dumps({"servers": [server]}))
    (tmp_path / "src" / "train.py").write_text("new statement\n")
    probing(monkeypatch, True)
    assert run_two_phase.main([*argv, "--dry-run", "--json"]) == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["jobs"] == 2
    assert "train.py: line 1: does not parse as Python" in shown.err
    code, view = run_to(monkeypatch, argv, 0, *(["--quiet"] if quiet else ["--json"]))
    assert code == 0 and "on a worker whose Python is not newer all jobs will fail" in view.notes[0]
    assert ("all jobs will fail" in capsys.readouterr().err) == quiet


@pytest.mark.parametrize("quiet", [True, False])
def test_a_damaged_base_model_is_set_aside_and_said(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argv: list[str],
    tmp_path: Path,
    quiet: bool,
) -> None:
    probing(monkeypatch, True)
    run_two_phase.main([*argv, "--dry-run", "--json"])
    spec_hash = json.loads(capsys.readouterr().out)["base_models"]["to_train"][0]["spec_hash"]
    layout = RunLayout(tmp_path / "run")
    layout.base_model(spec_hash).mkdir(parents=True)
    run_two_phase.main([*argv, "--dry-run", "--json"])
    assert "it is going to be set aside" in capsys.readouterr().err
    assert layout.base_model(spec_hash).exists()
    _, view = run_to(monkeypatch, argv, 0, *(["--quiet"] if quiet else ["--json"]))
    assert "it is trained again" in view.notes[0]
    assert ("it is trained again" in capsys.readouterr().err) == quiet
    assert not layout.base_model(spec_hash).exists()


def test_a_log_that_cannot_be_written_is_said_and_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], argv: list[str], tmp_path: Path
) -> None:
    (tmp_path / "run" / "phase2_experiments.json").mkdir(parents=True)
    assert run_to(monkeypatch, argv, 0, "--quiet")[0] == 0
    assert "phase2_experiments.json cannot be written" in capsys.readouterr().err
    assert json.loads((tmp_path / "run" / "phase1_base_models.json").read_text())["total_jobs"] == 2
