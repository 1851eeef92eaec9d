"""The table of states and triggers."""

from __future__ import annotations

import pytest

from master.core.planning.plan import Job, Plan
from master.core.running.commands import Transition
from master.core.running.lifecycle import ADOPTING, ENDED, TABLE, WITH_A_WORKER, State, Trigger, next_state
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.errors import InternalError

FORBIDDEN = [(state, trigger) for state in State for trigger in Trigger if trigger not in TABLE[state]]


def test_the_table_has_a_row_for_every_state_and_uses_every_trigger() -> None:
    assert set(TABLE) == set(State)
    assert {trigger for row in TABLE.values() for trigger in row} == set(Trigger)


def test_every_state_can_be_reached_from_pending() -> None:
    seen, new = set(), {State.PENDING}
    while new:
        seen |= new
        new = {after for state in new for after in TABLE[state].values()} - seen
    assert seen == set(State)


def test_what_has_ended_goes_on_only_when_asked_to() -> None:
    leaving = {trigger for state in ENDED for trigger in TABLE[state]}
    own = {Trigger.USER_CANCEL, Trigger.COLLECT}
    assert leaving == {Trigger.REVIVE, Trigger.REDO, Trigger.DROP, Trigger.PROMOTE} | own
    assert [state for state in ENDED if Trigger.COLLECT in TABLE[state]] == [State.CANCELLED]
    assert TABLE[State.SUCCEEDED] == {Trigger.REDO: State.READY}


def test_an_attempt_begins_only_by_assignment_or_adoption() -> None:
    entries = {
        trigger
        for state, row in TABLE.items()
        for trigger, after in row.items()
        if after in WITH_A_WORKER and state not in WITH_A_WORKER
    }
    assert entries == {Trigger.ASSIGN, Trigger.ADOPT}


def test_another_attempt_can_win_only_where_its_adoption_is_allowed() -> None:
    assert {state for state in State if Trigger.ADOPT in TABLE[state]} == ADOPTING
    assert all(row.get(Trigger.DROP) is state for state, row in TABLE.items() if state is not State.SUCCEEDED)
    assert Trigger.DROP not in TABLE[State.SUCCEEDED]


@pytest.mark.parametrize(("state", "trigger"), FORBIDDEN)
def test_a_missing_entry_changes_nothing_and_tells_the_history(state: State, trigger: Trigger) -> None:
    run = RunState.fresh(Plan((Job("a/b", phase=2),), {}), Policy(), ["w"])
    record = run.jobs["a/b"]
    record.state, record.history = state, ["unlock#0@None", "assign#1@w"]
    run.counts.clear()
    run.counts[state] += 1
    before = (record.state, list(record.history), dict(run.counts), run.open_jobs)
    with pytest.raises(InternalError) as error:
        run.move(record, trigger)
    text = f"a/b cannot {trigger.value} while {state.value} (unlock#0@None; assign#1@w)"
    assert str(error.value) == text
    assert (record.state, list(record.history), dict(run.counts), run.open_jobs) == before


def test_an_entry_gives_the_next_state() -> None:
    assert next_state("a/b", State.READY, Trigger.ASSIGN) is State.ASSIGNED


def test_a_transition_says_where_its_job_stands() -> None:
    line = Transition(1.0, "a/b", Trigger.ASSIGN, State.ASSIGNED, 1, "w")
    assert (line.note, line.finished, line.dropped, line.content_hash) == ("", None, None, "")
