"""What follows an attempt that was over a limit."""

from __future__ import annotations

import pytest

from master.core.running.policy import Policy
from tests.unit.master.core.running.stage import Stage, job
from worker_agent.protocol.outcome import OVER_LIMIT
from worker_agent.protocol.terms import JobLimits


def up(*workers: str, later: str = "") -> Stage:
    """Let workers be up, and one be to come."""
    every = filter(None, (*workers, later))
    run = Stage(job("job1"), workers=every, policy=Policy(retries=5, backoff_s=5.0))
    for worker in workers:
        run.up(worker)
    return run


def over(run: Stage, worker: str, attempt: int) -> list[str]:
    error = f"{OVER_LIMIT}memory: its processes took {attempt}12.0 MB, allowed are 100.0 MB; raise it"
    return run.ended(worker, "job1", attempt, "over_limit", exit_code=-9, error=error, stderr_tail="")


def test_a_job_over_its_limit_is_charged_and_not_tried_again_where_it_would_be_the_same() -> None:
    run = up("w1")
    assert over(run, "w1", 1)[0] == "job1 fail#1@w1: failed"
    record = run.state.jobs["job1"]
    assert record.failures == 1 and not run.state.workers["w1"].faults
    assert record.note.startswith(
        "failed, and there is no other worker to try it on: over its limit of memory: its"
    )


def test_another_worker_may_allow_more_but_two_that_agree_are_enough() -> None:
    run = up("w1", "w2", "w3")
    assert over(run, "w1", 1)[0] == "job1 retry#1@w1: ready"
    run.wait(5)
    worker = run.state.jobs["job1"].worker
    assert worker == "w2"
    assert over(run, worker, 2)[0] == "job1 fail#2@w2: failed"
    assert "failed alike on w1 and w2: over its limit of memory: its processes took 212.0" in (
        run.state.jobs["job1"].note
    )


@pytest.mark.parametrize(
    ("bounds", "given_up"),
    [
        ({"w1": 100, "w2": 100, "w3": 200}, False),
        ({"w1": 100, "w2": 100}, False),
        ({"w1": 100, "w2": 200, "w3": 200}, True),
        ({"w1": 100, "w2": 100, "w3": 50}, True),
    ],
)
def test_two_that_agree_on_a_limit_do_not_speak_for_a_worker_that_allows_more(
    bounds: dict[str, int], given_up: bool
) -> None:
    run = up("w1", "w2", later="w3")
    for worker, most in bounds.items():
        run.state.workers[worker].limits = JobLimits(memory_bytes=most, processes=5)
    over(run, "w1", 1)
    run.wait(5)
    run.up("w3")
    assert over(run, "w2", 2)[0] == ("job1 fail#2@w2: failed" if given_up else "job1 retry#2@w2: ready")


def test_once_the_worker_that_allows_more_agrees_too_the_job_has_failed() -> None:
    run = up("w1", "w2", later="w3")
    for worker in ("w1", "w2"):
        run.state.workers[worker].limits = JobLimits(memory_bytes=100)
    over(run, "w1", 1)
    run.wait(5)
    run.up("w3")
    over(run, "w2", 2)
    run.wait(10)
    assert over(run, "w3", 3)[0] == "job1 fail#3@w3: failed"


@pytest.mark.parametrize(
    ("bounds", "next_one"),
    [
        ({"w1": 100, "w2": 100, "w3": 200}, "w3"),
        ({"w1": 100, "w2": 50}, "w3"),
        ({"w1": 100, "w2": 200, "w3": 100}, "w2"),
        ({"w1": 100, "w2": 100, "w3": 100}, "w2"),
        ({}, "w2"),
    ],
)
def test_it_is_tried_again_where_it_may_take_more_if_anywhere(bounds: dict[str, int], next_one: str) -> None:
    run = up("w1", "w2", "w3")
    for worker, most in bounds.items():
        run.state.workers[worker].limits = JobLimits(memory_bytes=most)
    over(run, "w1", 1)
    run.wait(5)
    assert run.state.jobs["job1"].worker == next_one
