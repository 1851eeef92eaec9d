"""Moves of single jobs: what is remembered of them, and what follows."""

from __future__ import annotations

from master.core.planning.plan import Job, Plan
from master.core.running import commands as cmd
from master.core.running.jobs import (
    give_up,
    go_on_unlocking,
    is_stale,
    lacks_base,
    make_ready,
    move,
    stop_starting,
    unlock,
)
from master.core.running.lifecycle import State, Trigger
from master.core.running.policy import Policy
from master.core.running.records import FormerAttempt, Outbox, RunState
from tests.support.endings import finished

BASE, JOB = Job("base_models/x", phase=1, makes="x"), Job("job", phase=2, needs="x")


def run(**policy: object) -> RunState:
    return RunState.fresh(Plan((BASE, JOB), {}), Policy(**policy), ["w1"])  # type: ignore[arg-type]


def test_a_transition_has_the_time_of_its_step() -> None:
    state, out = run(), Outbox(17.0)
    unlock(state, state.jobs[BASE.job_id], out)
    (transition,) = out.transitions
    assert (transition.at, transition.trigger, transition.state) == (17.0, Trigger.UNLOCK, State.READY)


def test_what_a_transition_says_depends_on_how_the_attempt_ended() -> None:
    state, end = run(), finished()
    record = state.jobs[BASE.job_id]
    out = Outbox(0.0)
    unlock(state, record, out)
    record.attempt, record.worker = 1, "w1"
    move(state, record, Trigger.ASSIGN, out)
    move(state, record, Trigger.START, out)
    move(state, record, Trigger.FINISH, out, ended=end)
    record.content_hash = "c" * 64
    move(state, record, Trigger.COLLECT, out)
    said = [(item.trigger, item.finished, item.content_hash) for item in out.transitions[-2:]]
    assert said == [(Trigger.FINISH, end, ""), (Trigger.COLLECT, None, "c" * 64)]


def test_a_move_that_changes_nothing_is_not_remembered() -> None:
    state, out = run(), Outbox(0.0)
    record = state.jobs[BASE.job_id]
    unlock(state, record, out)
    record.attempt, record.worker = 1, "w1"
    for trigger in (Trigger.ASSIGN, Trigger.STAGE, Trigger.STAGE):
        move(state, record, trigger, out)
    assert [item.trigger for item in out.transitions] == [Trigger.UNLOCK, Trigger.ASSIGN, Trigger.STAGE]


def test_attempts_that_can_no_longer_win_are_cancelled() -> None:
    state, out = run(), Outbox(0.0)
    record = state.jobs[BASE.job_id]
    unlock(state, record, out)
    record.orphaned[1] = FormerAttempt("w1", "", None)
    state.workers["w1"].reattached.add((BASE.job_id, 1))
    move(state, record, Trigger.FAIL, out)
    assert out.commands == [cmd.Cancel("w1", BASE.job_id, 1)]
    assert not state.workers["w1"].reattached


def test_a_job_waits_for_its_base_model_and_for_all_where_phases_are_strict() -> None:
    state, out = run(strict_phases=True), Outbox(0.0)
    job = state.jobs["job"]
    unlock(state, job, out)
    assert job.state is State.PENDING and lacks_base(state, job)
    state.home["x"] = "c" * 64
    unlock(state, job, out)
    assert job.state is State.PENDING and not lacks_base(state, job)
    state.open_phase1 = 0
    unlock(state, job, out)
    assert job.state is State.READY


def test_a_job_whose_base_model_has_gone_is_locked_or_blocked() -> None:
    for fails, left in ((False, State.PENDING), (True, State.BLOCKED)):
        state, out = run(), Outbox(0.0)
        state.home["x"] = "c" * 64
        unlock(state, state.jobs["job"], out)
        state.home.clear()
        if fails:
            state.jobs[BASE.job_id].state = State.FAILED
        make_ready(state, state.jobs["job"], out)
        assert state.jobs["job"].state is left


def test_who_waits_for_a_base_model_that_is_given_up_is_blocked() -> None:
    state, out = run(), Outbox(0.0)
    unlock(state, state.jobs[BASE.job_id], out)
    give_up(state, state.jobs[BASE.job_id], out, "no worker is large enough")
    go_on_unlocking(state, out)
    assert state.jobs["job"].state is State.BLOCKED
    assert [item.note for item in out.transitions[1:]] == [
        "no worker is large enough",
        "its base model x failed",
    ]


def test_an_attempt_is_stale_once_another_base_model_is_home() -> None:
    state = run()
    job = state.jobs["job"]
    job.base = state.home["x"] = "c" * 64
    assert not is_stale(state, job) and not is_stale(state, state.jobs[BASE.job_id])
    state.home["x"] = "d" * 64
    assert is_stale(state, job)


def test_only_what_has_not_started_is_taken_back() -> None:
    state, out = run(), Outbox(0.0)
    for name, reached in ((BASE.job_id, State.RUNNING), ("job", State.ASSIGNED)):
        record = state.jobs[name]
        record.state, record.attempt, record.worker, record.started_at = reached, 1, "w1", 0.0
        state.workers["w1"].attempts.add(record.key)
    stop_starting(state, out)
    assert state.stopping and out.commands == [cmd.Withdraw("w1", "job", 1)]
