"""An addition whose jobs fail alike is halted, and nothing else is."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.core.planning.plan import Job
from master.core.running.lifecycle import State
from master.core.running.policy import Policy
from tests.unit.master.core.running.orders.giving import retry
from tests.unit.master.core.running.stage import Stage, base, job

POLICY = Policy(retries=0, max_failures=2, stands=True)


def of(addition: str, *names: str) -> list[Job]:
    return [replace(job(name), addition=addition) for name in names]


def two(slots: int = 2) -> Stage:
    run = Stage(*of("a", "a1", "a2", "a3", "a4"), *of("b", "b1", "b2"), workers=["w1"], policy=POLICY)
    run.up("w1", slots=slots)
    return run


def fails(run: Stage, name: str, attempt: int = 1) -> list[str]:
    return run.ended("w1", name, attempt, "failed", exit_code=1, stderr_tail="ValueError: wrong")


def halted() -> tuple[Stage, list[str]]:
    """A run one of whose additions is halted, and what came of the failure that halted it."""
    run = two()
    fails(run, "a1")
    return run, fails(run, "a2")


def test_what_has_not_begun_is_cancelled_and_the_rest_of_the_run_goes_on() -> None:
    run, _ = halted()
    assert [run.stands(name) for name in ("a1", "a2", "a3", "a4")] == [
        *(State.FAILED, State.FAILED),
        *(State.CANCELLED, State.CANCELLED),
    ]
    assert not run.state.halted and not run.state.stopping
    assert run.state.jobs["a4"].cancelled_by == (
        "by twophase: 2 jobs failed alike and none succeeded in between (exit code 1: ValueError: wrong)"
    )
    assert {run.stands("b1"), run.stands("b2")} <= {State.ASSIGNED, State.READY}


def test_it_is_told_what_was_ended_and_what_to_do() -> None:
    (told,) = [line for line in halted()[1] if line.startswith("tell ")]
    assert told.startswith("tell a: 2 jobs failed alike and none succeeded in between")
    assert told.endswith(
        "2 of its jobs that had not begun are cancelled, all else goes on; mend it, then `twophase retry`"
    )


def test_what_runs_may_end() -> None:
    run = two(slots=4)
    run.run_on("w1", "a3", 1)
    fails(run, "a1")
    fails(run, "a2")
    assert run.stands("a3") is State.RUNNING


def test_the_next_start_leaves_them_and_a_retry_has_them_again() -> None:
    run, _ = halted()
    run.restart()
    assert run.stands("a4") is State.CANCELLED
    assert retry(run, "a1", "a4").done.keys() == {"a1", "a4"}
    run.up("w1", slots=9)
    assert run.stands("a4") is State.ASSIGNED


def test_after_a_retry_the_count_begins_anew() -> None:
    run, _ = halted()
    retry(run, "a3", "a4")
    for name in ("b1", "b2"):
        run.ended("w1", name, 1)
    fails(run, "a3")
    assert run.stands("a4") is not State.CANCELLED


def test_a_success_of_another_addition_does_not_help() -> None:
    run = two(slots=6)
    fails(run, "a1")
    run.ended("w1", "b1", 1)
    run.home("b1", 1)
    fails(run, "a2")
    assert run.stands("a3") is State.CANCELLED


def test_its_own_success_does() -> None:
    run = two(slots=6)
    fails(run, "a1")
    run.ended("w1", "a2", 1)
    fails(run, "a3")
    assert run.stands("a4") is not State.CANCELLED


def test_a_base_model_that_jobs_of_others_wait_for_is_trained_all_the_same() -> None:
    shared, own = replace(base(), addition="a"), replace(base("y"), addition="a")
    users = [replace(job("u", needs="x"), addition="b"), replace(job("v", needs="y"), addition="a")]
    run = Stage(*of("a", "a1", "a2"), shared, own, *users, workers=["w1"], policy=POLICY)
    run.up("w1", slots=4)
    fails(run, "a1")
    fails(run, "a2")
    assert run.stands(own.job_id) is run.stands("v") is State.CANCELLED
    assert run.stands(shared.job_id) is State.ASSIGNED and run.stands("u") is State.PENDING


@pytest.mark.parametrize("most", [0, 9])
def test_within_the_limit_all_are_tried(most: int) -> None:
    run = Stage(*of("a", "a1", "a2", "a3"), workers=["w1"], policy=replace(POLICY, max_failures=most))
    run.up("w1", slots=1)
    for name in ("a1", "a2", "a3"):
        fails(run, name)
    assert run.state.counts[State.FAILED] == 3


@given(ends=st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=24), most=st.integers(0, 3))
def test_how_one_addition_fares_hangs_on_its_own_jobs_alone(ends: list[tuple[str, bool]], most: int) -> None:
    """The jobs of an addition come to the same beside another one as by themselves."""

    def fares(of_which: str) -> list[tuple[str, State]]:
        jobs = [each for name in of_which for each in of(name, *(f"{name}{n}" for n in range(24)))]
        run = Stage(*jobs, workers=["w1"], policy=replace(POLICY, max_failures=most))
        run.up("w1", slots=64)
        for each in jobs:
            run.run_on("w1", each.job_id, 1)
        numbers = dict.fromkeys("ab", 0)
        for name, succeeds in ends:
            if name in of_which:
                job_id = f"{name}{numbers[name]}"
                numbers[name] += 1
                run.ended("w1", job_id, 1) if succeeds else fails(run, job_id)
        return [(job_id, record.state) for job_id, record in run.state.jobs.items()]

    assert fares("ab") == fares("a") + fares("b")
