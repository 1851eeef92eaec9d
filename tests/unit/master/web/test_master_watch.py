"""What a master is asked for those who look at the page."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from master.core.explaining.standing import Standing
from master.runs.control.answers import MACHINES, PROGRESS, TIME_LEFT, USE
from master.storage.run_layout import RunLayout
from master.web import master_watch as module
from master.web.master_watch import MasterWatch

JOB = "alpha/plain"


@pytest.fixture
def master(tmp_path: Path) -> MasterWatch:
    return MasterWatch(RunLayout(tmp_path))


def test_without_a_master_no_machines_are_known(master: MasterWatch) -> None:
    master.visited()
    assert master.ask_machines() is None
    assert master.machines is None


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a master answer; what it is asked is written down."""
    found: list[str] = []
    report = {
        "at": 6.0,
        "attempt": 1,
        "worker": "lab1",
        "epoch": 1.0,
        "epochs": 4.0,
        "metrics": {"loss": 0.5},
    }
    answers = {
        MACHINES: {"workers": [{"name": "lab1"}]},
        USE: {"lab1": {"cpu_percent": 50.0}},
        PROGRESS: {"start": "s", "number": 3, "jobs": {JOB: [report]}},
    }

    def ask(layout: RunLayout, route: str, name: str = "") -> object:
        found.append(route + name)
        return answers.get(route)

    monkeypatch.setattr(module, "ask", ask)
    return found


def test_a_master_is_asked_of_machines_and_running_jobs_while_somebody_looks(
    master: MasterWatch, asked: list[str]
) -> None:
    master.visited()
    assert master.hear(master.ask_machines()) and master.machines
    assert asked == [MACHINES, TIME_LEFT, USE, f"{PROGRESS}0"] and master.use["lab1"]["cpu_percent"] == 50.0
    report = master.progress.of(JOB, 1)
    assert report and report.json(2.0, 6.0)["left_s"] == 12.0
    assert master.ask_machines() is None and len(asked) == 4, "a moment later it is left alone"


def test_while_nobody_looks_a_master_is_left_alone_and_whoever_comes_then_is_told_at_once(
    master: MasterWatch, asked: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert master.visited(), "what is known is too old for a first visitor"
    master.ask_machines()
    now = [0.0]
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + now[0]))
    assert not master.visited()
    now[0] = 10 * module.WATCHED_S
    asked.clear()
    assert master.ask_machines() is None and asked == []
    assert master.visited() and master.ask_machines() and asked


def test_what_another_version_tells_of_running_jobs_is_passed_over(master: MasterWatch) -> None:
    assert not master.hear({"start": "s", "number": 1, "jobs": {JOB: [{"epoch": "x"}]}})
    assert not master.hear({}) and not master.hear(None)


def test_how_far_a_job_is_is_told_of_the_try_that_runs_alone(master: MasterWatch, asked: list[str]) -> None:
    master.visited()
    master.hear(master.ask_machines())
    far = master.far(JOB, Standing("running", attempt=1, started_at=2.0))
    assert far and far["share"] == 0.25
    assert master.far(JOB, Standing("failed", attempt=1)) is None
    assert master.far(JOB, Standing("running", attempt=2)) is None
