"""What the state of a run counts and remembers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from master.core.planning.plan import Job, Plan
from master.core.running.lifecycle import State, Trigger
from master.core.running.policy import Policy
from master.core.running.records import FormerAttempt, JobRecord, RunState
from master.errors import InternalError
from tests.support.endings import finished


def run(*jobs: Job) -> RunState:
    return RunState.fresh(Plan(jobs, {}), Policy(), ["w1"])


BASE = Job("base_models/x", phase=1, makes="x", kind="base model")
JOB = Job("job", phase=2, needs="x", kind="cnn", gpu_kind="cnn")


def test_a_fresh_run_knows_who_waits_for_what() -> None:
    state = run(BASE, JOB)
    assert state.counts == {State.PENDING: 2}
    assert (state.open_jobs, state.open_phase1, state.dependents) == (2, 1, {"x": ["job"]})


def test_the_counts_follow_the_moves() -> None:
    state = run(BASE)
    record = state.jobs[BASE.job_id]
    state.move(record, Trigger.UNLOCK)
    assert state.counts[State.READY] == 1 and state.open_phase1 == 1
    record.orphaned[1] = FormerAttempt("w1", "", None)
    state.move(record, Trigger.FAIL)
    assert (state.open_jobs, state.open_phase1) == (0, 0)
    state.move(record, Trigger.REVIVE)
    assert (state.open_jobs, state.open_phase1) == (1, 1)


def test_other_attempts_may_win_until_one_has_come_home() -> None:
    state = run(BASE)
    record = state.jobs[BASE.job_id]
    record.orphaned[1] = FormerAttempt("w1", "", None)
    moves = (Trigger.UNLOCK, Trigger.ASSIGN, Trigger.FAIL, Trigger.REVIVE, Trigger.UNLOCK, Trigger.ASSIGN)
    for trigger in (*moves, Trigger.FINISH):
        state.move(record, trigger)
        assert list(record.orphaned) == [1]
    state.move(record, Trigger.COLLECT)
    assert not record.orphaned


def test_a_move_that_cannot_be_changes_nothing() -> None:
    state = run(JOB)
    record = state.jobs["job"]
    with pytest.raises(InternalError):
        state.move(record, Trigger.START)
    assert record.state is State.PENDING and state.counts == {State.PENDING: 1} and not record.history


def test_what_is_held_back_comes_in_the_order_of_time_if_it_still_waits() -> None:
    state = run(*(Job(name, phase=2) for name in "abc"))
    for name, until in (("a", 30.0), ("b", 10.0), ("c", 20.0)):
        state.move(state.jobs[name], Trigger.UNLOCK)
        state.delay(state.jobs[name], until)
    state.move(state.jobs["b"], Trigger.FAIL)
    assert [record.job.job_id for record in state.due(25.0)] == ["c"]
    assert [record.job.job_id for record in state.due(30.0)] == ["a"]


def test_the_mean_of_a_kind_tells_how_long_a_job_will_take_unless_its_user_does() -> None:
    state = run(JOB)
    record = state.jobs["job"]
    assert state.expected_s(JOB) == 0.0 and state.mean_duration_s() is None
    for seconds in (10.0, 30.0):
        record.finished = finished(duration_s=seconds)
        state.learn(record)
    assert state.expected_s(JOB) == state.mean_duration_s() == 20.0
    assert state.expected_s(replace(JOB, expected_s=3.0)) == 3.0


def test_the_most_memory_of_a_kind_is_remembered() -> None:
    state = run(JOB)
    record = state.jobs["job"]
    for peak in (5, 9, None, 7):
        record.finished = finished(peak_gpu_bytes=peak)
        state.learn(record)
    assert state.gpu_peaks == {"cnn": 9}
    record.finished = None
    state.learn(record)
    assert state.gpu_peaks == {"cnn": 9}


def test_what_succeeded_and_is_not_home_is_known_by_its_attempt() -> None:
    record = JobRecord(JOB, attempt=2, worker="w1", finished=finished())
    record.unrecorded_successes[1] = FormerAttempt("w0", "", None)
    record.note_success()
    assert record.outcomes == {2: record.finished}
