"""A master that stands: it ends when it is told to, and tries by itself nothing that has ended in vain."""

from __future__ import annotations

from dataclasses import replace

from master.core.planning.plan import Job, Plan
from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.orders.of_jobs import AddJobs
from master.core.running.orders.order import Ordered
from master.core.running.policy import Policy
from tests.unit.master.core.running.stage import ANNA, BASE, Stage, base, job

POLICY = Policy(retries=0, stands=True)


def standing(*jobs: Job) -> Stage:
    return Stage(*jobs, workers=["w1"], policy=POLICY)


def test_without_jobs_it_goes_on_until_it_is_stopped() -> None:
    run = standing()
    assert not run.state.finished
    run.up("w1")
    run.tell(ev.Tick(1e9))
    assert not run.state.finished
    assert run.tell(ev.StopRequested(run.at)) == ["finish 0"]


def test_with_no_worker_it_goes_on_too() -> None:
    run = standing(job())
    run.tell(ev.WorkerUnusable(0.0, "w1", "refused"))
    run.tell(ev.Tick(1e9))
    assert not run.state.finished and run.stands("job") is State.READY


def test_it_takes_jobs_when_it_has_done_all_others() -> None:
    run = standing(job())
    run.up("w1")
    run.ended("w1", "job", 1)
    run.home("job", 1)
    assert not run.state.finished
    plan = Plan((replace(job("more"), addition="lab"),), {})
    told = run.tell(Ordered(run.at, ANNA, AddJobs(name="lab"), plan=plan))
    assert "more assign#1@w1: assigned" in told
    assert run.state.jobs["more"].job.addition == "lab"


def test_what_has_failed_waits_for_a_retry_over_restarts_too() -> None:
    run = standing(base(), job("a", needs="x"), job("b"))
    run.up("w1", slots=2)
    for name in (BASE, "b"):
        run.ended("w1", name, 1, "failed", exit_code=1)
    before = {name: run.stands(name) for name in (BASE, "a", "b")}
    assert before == {BASE: State.FAILED, "a": State.BLOCKED, "b": State.FAILED}
    run.restart()
    run.up("w1", slots=2)
    assert {name: run.stands(name) for name in before} == before


def test_a_job_whose_base_model_failed_is_blocked_by_the_next_start() -> None:
    run = standing(base(), job("a", needs="x"))
    run.up("w1")
    run.ended("w1", BASE, 1, "failed", exit_code=1)
    run.restart(base(), job("a", needs="x"), job("c", needs="x"))
    run.up("w1")
    assert run.stands("c") is State.BLOCKED


def test_what_its_own_end_has_interrupted_goes_on() -> None:
    run = standing(job())
    run.up("w1")
    run.run_on("w1", "job", 1)
    run.tell(ev.StopRequested(run.at))
    run.tell(ev.CancelRequested(run.at))
    run.ended("w1", "job", 1, "cancelled")
    assert run.stands("job") is State.CANCELLED and run.state.finished
    run.restart()
    run.up("w1")
    assert run.stands("job") is State.ASSIGNED
