"""Attempts whose worker is not known, or not in the cluster any more: nothing is asked of anybody."""

from __future__ import annotations

import pytest

from master.core.planning.plan import Job
from master.core.running import events as ev
from master.core.running.attempts import orphan
from master.core.running.lifecycle import State
from tests.unit.master.core.running.stage import BASE, Stage, base, job, one_running_alone, two_running


def test_a_base_model_that_was_published_comes_home_from_an_attempt_that_nobody_remembers() -> None:
    run = Stage(base(), job(needs="x"), workers=["w1"])
    run.state.jobs[BASE].attempts = 4
    assert run.home(BASE, 4)[:2] == [f"{BASE} collect#4@None: succeeded", "job unlock#0@None: ready"]
    assert run.state.home == {"x": "x#4"}


def test_an_outcome_of_nobody_that_cannot_be_brought_home_fails_the_job_alone() -> None:
    run = one_running_alone()
    run.ended("w1", "job", 1)
    run.state.jobs["job"].worker = None
    said = run.tell(ev.CollectionFailed(run.at, "job", 1, "its files are gone"))
    assert not [line for line in said if line.startswith("release")]
    assert run.stands("job") is not State.COLLECTING


def test_an_attempt_of_nobody_is_neither_waited_for_nor_remembered() -> None:
    run = Stage(job())
    record = run.state.jobs["job"]
    orphan(record)
    record.note_success()
    assert record.orphaned == {} and record.unrecorded_successes == {} and record.outcomes == {}


def test_a_base_model_that_is_being_trained_again_is_not_begun_a_third_time() -> None:
    run = Stage(base(), workers=["w1"])
    run.up("w1")
    run.run_on("w1", BASE, 1)
    run.state.home["x"] = "x#0"
    assert run.tell(ev.BaseModelDamaged(run.at, "x")) == []
    assert run.stands(BASE) is State.RUNNING and "x#0" in run.state.damaged


@pytest.mark.parametrize(("said", "expected"), [(7.0, 7.0), (None, 60.0)])
def test_what_the_user_says_of_a_jobs_time_is_believed(said: float | None, expected: float) -> None:
    run = one_running_alone()
    run.ended("w1", "job", 1)
    assert run.state.expected_s(Job("other", phase=2, expected_s=said)) == expected


def test_an_attempt_that_its_worker_knows_of_old_gets_another_number() -> None:
    run = Stage(job(), workers=["w1"])
    run.up("w1")
    released = ev.AttemptReleased(run.at, "w1", "job", 4)
    assert run.tell(released) == [
        "job withdraw#1@w1: ready",
        "job assign#5@w1: assigned",
        "start job#5@w1",
    ]
    assert run.tell(released) == []
    run.started("w1", "job", 5)
    assert run.tell(ev.AttemptReleased(run.at, "w1", "job", 5)) == []


def test_the_attempts_of_a_history_that_the_journal_has_lost_are_not_taken_for_those_of_now() -> None:
    run = Stage(job(), workers=["w1"])
    told = run.up("w1", ("job", 1), ("job", 2), slots=1)
    assert sorted(told[1:-1]) == sorted(
        f"{what} job#{attempt}@w1" for what in ("cancel", "release") for attempt in (1, 2)
    )
    assert (told[0], told[-1]) == ("job assign#3@w1: assigned", "start job#3@w1")
    for attempt, outcome in ((1, "succeeded"), (2, "failed")):
        assert run.ended("w1", "job", attempt, outcome) == [
            f"cancel job#{attempt}@w1",
            f"release job#{attempt}@w1",
        ]
    assert run.stands("job") is State.ASSIGNED


@pytest.mark.parametrize("attempt", [1001, 10**12])
def test_a_worker_that_tells_of_attempts_that_cannot_have_been_is_not_believed(attempt: int) -> None:
    run = Stage(job(), workers=["w1", "w2"])
    with pytest.raises(ValueError, match=f"job has no attempt {attempt}"):
        run.up("w1", ("job", attempt))
    run.up("w2")
    with pytest.raises(ValueError, match="the last one is 1"):
        run.tell(ev.AttemptReleased(run.at, "w2", "job", attempt + 1))
    assert run.state.jobs["job"].attempts == 1


def told_before(run: Stage, *attempts: ev.Attempt) -> list[str]:
    """Let `w1` come up with attempts whose end it has told to a master of a later journal."""
    keys = frozenset(attempts)
    return run.tell(ev.WorkerUp(run.at, "w1", 1, attempts=keys, ended=keys))


def test_an_attempt_whose_end_was_told_to_a_master_of_a_later_journal_costs_no_retry() -> None:
    run = one_running_alone()
    run.lost("w1")
    run.restart()
    assert told_before(run, ("job", 1)) == [
        "job lose#1@w1: ready",
        "job assign#2@w1: assigned",
        "cancel job#1@w1",
        "release job#1@w1",
        "start job#2@w1",
    ]
    assert run.state.jobs["job"].failures == 0 and not run.state.jobs["job"].orphaned
    run.restart()
    assert run.state.jobs["job"].attempt == 2 and not run.state.jobs["job"].orphaned


def test_what_is_collected_is_not_given_up_because_its_end_was_told() -> None:
    run = one_running_alone()
    run.ended("w1", "job", 1)
    run.lost("w1")
    assert told_before(run, ("job", 1)) == ["collect job#1@w1"]
    assert run.stands("job") is State.COLLECTING


def test_an_orphan_whose_end_was_told_to_a_master_of_a_later_journal_is_not_waited_for() -> None:
    run = two_running()
    run.restart()
    assert run.state.jobs["job"].orphaned
    assert told_before(run, ("job", 1))[-2:] == ["cancel job#1@w1", "release job#1@w1"]
    assert not run.state.jobs["job"].orphaned and run.stands("job") is State.RUNNING
    run.restart()
    assert not run.state.jobs["job"].orphaned


def test_a_job_that_waits_for_a_worker_still_waits_when_a_former_attempt_ends() -> None:
    run = one_running_alone()
    run.silent("w1")
    assert run.stands("job") is State.READY
    record = run.state.jobs["job"]
    assert run.ended("w1", "job", 1, "failed")[0] == "job drop#1@w1: ready"
    assert record.job in run.state.ready and not record.orphaned
    assert "job assign#2@w1: assigned" in run.up("w1")
