"""What a restart makes of jobs that are compared."""

from __future__ import annotations

from master.core.planning.plan import Job, Plan
from master.core.running.commands import Measured
from master.core.running.lifecycle import State, Trigger
from master.core.running.policy import Policy
from master.core.running.pruning.recovering import note_remark, stays_pruned, take_up
from master.core.running.records import RunState
from master.specs import ASHA, PruneSpec
from tests.support.endings import finished

LEFT = finished("cancelled", checkpoint={"content_hash": "c" * 64, "files": []})


def state_of(prune: PruneSpec | None = PruneSpec(ASHA, "loss", eta=2)) -> RunState:  # noqa: B008
    return RunState.fresh(Plan((Job("a", phase=2, contest="x"),), {}, prune=prune), Policy(), ["w1"])


def test_a_job_goes_on_beyond_the_marks_that_it_had_come_to() -> None:
    state = state_of()
    assert state.contests
    for step in (1, 2):
        note_remark(state, state.jobs["a"], Trigger.MEASURE, Measured("loss", step, 0.5))
    take_up(state, state.jobs["a"])
    assert state.contests.of("a").entrants["a"].passed == 2


def test_one_that_was_ended_stands_at_the_mark_where_it_was() -> None:
    state = state_of()
    record = state.jobs["a"]
    assert state.contests
    for step in (1, 2):
        note_remark(state, record, Trigger.MEASURE, Measured("loss", step, 0.5))
    note_remark(state, record, Trigger.PRUNE, Measured("loss", 2, 0.5))
    record.state, record.finished, record.worker = State.PRUNED, LEFT, "w1"
    take_up(state, record)
    assert state.contests.of("a").entrants["a"].passed == 1
    assert state.awaiting == {"a"}, "what it left may be on its way"


def test_nobody_waits_for_a_worker_that_is_gone() -> None:
    state = state_of()
    record = state.jobs["a"]
    record.state, record.finished, record.worker = State.PRUNED, LEFT, "w9"
    take_up(state, record)
    assert state.awaiting == set()


def test_who_was_silent_in_an_earlier_start_is_not_told_of_again() -> None:
    state = state_of()
    assert state.contests and state.contests.silent() == ["a"]
    state.jobs["a"].state = State.SUCCEEDED
    take_up(state, state.jobs["a"])
    assert state.contests.silent() == []


def test_what_was_pruned_stays_so_while_jobs_are() -> None:
    for state, stays in ((state_of(), True), (state_of(None), False)):
        assert not stays_pruned(state, state.jobs["a"])
        state.jobs["a"].state = State.PRUNED
        assert stays_pruned(state, state.jobs["a"]) is stays


def test_without_pruning_there_is_nothing_to_take_up() -> None:
    state = state_of(None)
    note_remark(state, state.jobs["a"], Trigger.MEASURE, Measured("loss", 1, 0.5))
    take_up(state, state.jobs["a"])
    assert state.contests is None
