"""What a running master answers."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from master.core.explaining.cause_json import from_json
from master.core.explaining.causes import Cause, Hindrance, Obstacle, Why
from master.runs.control.answers import PROGRESS, TIME_LEFT, answer, progress
from master.runs.control.progress import ProgressBoard
from tests.support.scripted_run import ScriptedRun, jobs_spec
from tests.unit.master.core.running.stage import BASE, Stage, base, job, one_running_alone


def test_why_a_job_has_not_ended() -> None:
    run = Stage(base(), job("alpha/job", needs="x"), workers=["w1"])
    status, told = answer("/api/why/alpha%2Fjob", run.state, 7.0)
    assert (status, told["state"], told["at"]) == (HTTPStatus.OK, "pending", 7.0)
    waits = Cause(Why.NO_ROOM, hindrances=(Hindrance("w1", Obstacle.CONNECTING),))
    assert from_json(told["cause"]) == Cause(Why.AWAITS_BASE_MODEL, job=BASE, of_base=waits)


def test_a_job_that_has_ended_has_no_cause() -> None:
    run = one_running_alone()
    run.ended("w1", "job", 1)
    run.home("job", 1)
    status, told = answer("/api/why/job", run.state, 7.0)
    assert (status, told["state"], told["cause"]) == (HTTPStatus.OK, "succeeded", None)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/api/why/jbo", "no job `jbo` in this run"),
        ("/", "no route `/`"),
        ("/api/why", "no route"),
        ("/../etc/passwd", "no route"),
    ],
)
def test_what_is_not_there_is_told(path: str, says: str) -> None:
    status, told = answer(path, one_running_alone().state, 7.0)
    assert status is HTTPStatus.NOT_FOUND and says in told["error"]


def test_time_left_is_a_range_for_each_phase() -> None:
    run = ScriptedRun(jobs_spec(9, 0), ["w"])
    run.up("w", 1)
    for number in range(4):
        run.start(f"job{number}")
        run.succeed(f"job{number}", seconds=10.0)
    status, later = answer(TIME_LEFT, run.state, run.at)
    assert status == HTTPStatus.OK and callable(later), "it is reckoned when the run goes on again"
    told = later()
    assert told["base_models"] == {"low_s": 0.0, "middle_s": 0.0, "high_s": 0.0}
    assert told["experiments"]["low_s"] < 50.0 < told["experiments"]["high_s"]


def test_a_run_that_stops_has_no_time_left() -> None:
    run = ScriptedRun(jobs_spec(2, 0), ["w"])
    run.state.stopping = True
    _, later = answer(TIME_LEFT, run.state, run.at)
    assert callable(later) and later() == {"base_models": None, "experiments": None}


def test_how_the_machines_are() -> None:
    run = Stage(job("alpha/job"), workers=["w1", "w2"])
    run.up("w1")
    status, told = answer("/api/machines", run.state, 7.0)
    assert (status, told["at"], told["stopping"], told["halted"]) == (HTTPStatus.OK, 7.0, False, "")
    first, second = told["workers"]
    assert (first["name"], first["up"], first["running"], second["up"]) == ("w1", True, 1, False)
    assert from_json(told["idle"]["cause"]).why is Why.STARTS and told["idle"]["job_id"] == "alpha/job"


def test_once_something_runs_there_is_nothing_to_say_of_idleness() -> None:
    assert answer("/api/machines", one_running_alone().state, 7.0)[1]["idle"] is None


def test_progress_since_a_report() -> None:
    status, told = progress(f"{PROGRESS}0", ProgressBoard())
    assert (status, told["number"], told["jobs"]) == (HTTPStatus.OK, 0, {})


@pytest.mark.parametrize("after", ["", "x", "-1", "1" * 16, "²"])
def test_progress_since_what_is_no_number(after: str) -> None:
    status, told = progress(PROGRESS + after, ProgressBoard())
    assert status == HTTPStatus.NOT_FOUND and "a number is at its end" in told["error"]
