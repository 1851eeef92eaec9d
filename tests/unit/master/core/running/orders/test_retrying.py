"""Jobs that a user wants tried again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.orders.retrying import STOPPING
from master.core.running.policy import Policy
from master.core.running.records import JobRecord
from tests.unit.master.core.running.orders.giving import cancel, retry
from tests.unit.master.core.running.stage import BASE, Stage, base, job

NO_RETRIES = Policy(retries=0, lease_s=300.0)


def failed() -> Stage:
    """`job` has failed for good on `w1`, which runs `other` now."""
    run = Stage(job(), job("other"), workers=["w1"], policy=NO_RETRIES)
    run.up("w1")
    run.run_on("w1", "job", 1)
    run.ended("w1", "job", 1, "failed", exit_code=1)
    assert run.stands("job") is State.FAILED
    return run


def test_what_failed_gets_another_try_behind_its_history_with_a_number_of_its_own() -> None:
    run = failed()
    came = retry(run, "job", why="data mended")
    assert came.done == {"job": "was failed after 1 try"}
    assert came.lines == ["job revive#1@w1: pending", "job unlock#1@w1: ready"]
    assert run.journal[-2].note == "retry by anna: data mended"
    assert "start job#2@w1" in run.ended("w1", "other", 1)


def test_its_allowances_are_fresh() -> None:
    run = failed()
    record = run.state.jobs["job"]
    record.hopeless["w1"], record.losses = "no module", 3
    run.state.barred.add("job")
    retry(run, "job")
    assert (record.failures, record.losses, record.hopeless, record.avoid) == (0, 0, {}, frozenset())
    assert not run.state.barred


def test_what_was_cancelled_runs_again_and_stays_in_the_run_over_a_restart() -> None:
    run = failed()
    cancel(run, "job")
    assert retry(run, "job").done == {"job": "was cancelled after 1 try"}
    run.restart()
    assert (run.stands("job"), run.state.jobs["job"].cancelled_by) == (State.READY, "")


def test_it_may_be_retried_while_its_old_attempt_still_ends_on_its_worker() -> None:
    run = Stage(job(), job("other"), workers=["w1", "w2"])
    run.up("w1")
    run.run_on("w1", "job", 1)
    cancel(run, "job")
    retry(run, "job")
    run.up("w2", slots=2)
    assert (run.stands("job"), run.state.jobs["job"].key) == (State.ASSIGNED, ("job", 2))
    told = run.ended("w1", "job", 1)
    assert told == ["job drop#2@w2: assigned", "cancel job#1@w1", "release job#1@w1"], "it succeeds too late"
    run.run_on("w2", "job", 2)
    run.ended("w2", "job", 2)
    run.home("job", 2)
    assert run.stands("job") is State.SUCCEEDED


def test_a_base_model_that_is_retried_takes_along_what_it_blocked() -> None:
    run = Stage(base(), job("a", needs="x"), job("b", needs="x"), job("c"), workers=["w1"])
    run.up("w1")
    cancel(run, BASE)
    cancel(run, "b")
    assert retry(run, "a").refused == {
        "a": f"starts from a base model whose training was cancelled: twophase retry {BASE}"
    }
    came = retry(run, BASE)
    assert came.reply.notes == ("1 job that was blocked by it wait for it again",)
    assert [run.stands(name) for name in "ab"] == [State.PENDING, State.CANCELLED]


def test_a_base_model_and_its_jobs_may_be_named_together_in_any_order() -> None:
    run = Stage(base(), job("a", needs="x"), job("c"), workers=["w1"])
    run.up("w1")
    cancel(run, BASE)
    assert retry(run, "a", BASE).done == {"a": "was blocked", BASE: "was cancelled after 1 try"}
    assert run.stands("a") is State.PENDING


def test_a_base_model_and_what_it_started_from_may_be_named_together() -> None:
    child = replace(base("y"), needs="x")
    run = Stage(base(), child, job("a", needs="y"), job("c"), workers=["w1"])
    run.up("w1")
    cancel(run, BASE)
    assert run.stands("a") is State.BLOCKED
    came = retry(run, BASE, child.job_id)
    assert came.reply.notes == ("1 job that was blocked by it wait for it again",)
    assert [run.stands(name) for name in (BASE, child.job_id, "a")] == [
        State.READY,
        State.PENDING,
        State.PENDING,
    ]


def test_of_many_jobs_none_is_compared_with_all_others(monkeypatch: pytest.MonkeyPatch) -> None:
    bases = [base(f"x{number}") for number in range(3)]
    run = Stage(*bases, *(job(f"a{number}", needs=f"x{number}") for number in range(3)), job("c"))
    cancel(run, *(each.job_id for each in bases))
    run.wait(1)

    def compared(record: JobRecord, other: object) -> bool:
        raise AssertionError(f"{record} is compared: of many that takes minutes")

    monkeypatch.setattr(JobRecord, "__eq__", compared)
    came = retry(run, *(each.job_id for each in bases), "a1")
    assert came.reply.notes == ("2 jobs that were blocked by it wait for it again",)


def test_what_a_refused_base_model_blocks_is_blocked_again_and_not_forgotten() -> None:
    run = Stage(base(), job("a", needs="x"), job("c"), workers=["w1"])
    run.up("w1")
    cancel(run, BASE)
    came = retry(run, "a", BASE, only=("blocked",))
    assert came.refused == {BASE: "is cancelled by now"}
    assert run.stands("a") is State.BLOCKED


def test_twice_and_what_has_not_ended_in_vain() -> None:
    run = failed()
    retry(run, "job")
    came = retry(run, "job", "other", "nowhere")
    assert came.refused == {
        "job": "has not ended: it is ready",
        "other": "has not ended: it is assigned",
        "nowhere": "no job `nowhere` in this run",
    }
    assert (came.lines, len(run.orders)) == ([], 1)


def test_what_has_succeeded_stays_so() -> None:
    run = Stage(job("other"), job("waits"), workers=["w1"])
    run.up("w1")
    run.ended("w1", "other", 1)
    run.home("other", 1)
    assert retry(run, "other").refused == {"other": "has succeeded"}


def test_a_run_that_stops_says_that_it_starts_nothing() -> None:
    run = failed()
    run.tell(ev.StopRequested(run.at))
    assert retry(run, "job").reply.notes == (STOPPING,)
    run.restart()
    assert run.stands("job") is State.READY


def test_a_dry_run_changes_nothing() -> None:
    run = failed()
    came = retry(run, "job", dry_run=True)
    assert came.done == {"job": "was failed after 1 try"}
    assert (came.lines, run.orders, run.stands("job")) == ([], [], State.FAILED)
