"""Limits of time and of silence, as tables and properties."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker_agent.core import commands as cmd
from worker_agent.core import deadlines, queries, transitions
from worker_agent.core.execution import Exit
from worker_agent.core.shares import Device
from worker_agent.core.state import AgentState, Attempt, Phase
from worker_agent.protocol.events import Ticks
from worker_agent.protocol.messages import Launch

KEY = ("a", 1)
START = 100.0


def started(**limits: Any) -> AgentState:
    """Return an agent on which one attempt has just started."""
    state = AgentState(devices={"s": Device("s")})
    transitions.on_launch(state, Launch(*KEY, 2, ["x"], **limits), START)
    transitions.on_started(state, KEY, 1, Ticks(5, 6), START)
    state.outbox.clear()
    return state


def sign(state: AgentState, number: int, now: float) -> None:
    deadlines.on_sign(state.attempts[KEY], (number,), now)


def stops(state: AgentState, now: float) -> bool:
    """Let time pass; return whether the attempt is told to stop now."""
    transitions.on_tick(state, now)
    found = [item for item in state.outbox if isinstance(item, cmd.Stop)]
    state.outbox.clear()
    return bool(found)


@pytest.mark.parametrize(
    ("limits", "signs", "verdict", "due"),
    [
        ({}, [], None, None),
        ({"timeout_s": 10.0}, [], "timeout", 110.0),
        ({"timeout_s": 10.0}, [109.0], "timeout", 110.0),
        ({"stall_timeout_s": 5.0}, [], "stalled", 105.0),
        ({"stall_timeout_s": 5.0}, [104.0], "stalled", 109.0),
        ({"stall_timeout_s": 5.0}, [104.0, 108.0], "stalled", 113.0),
        ({"timeout_s": 10.0, "stall_timeout_s": 5.0}, [], "stalled", 105.0),
        ({"timeout_s": 10.0, "stall_timeout_s": 5.0}, [104.0, 108.0], "timeout", 110.0),
        ({"timeout_s": 5.0, "stall_timeout_s": 5.0}, [], "timeout", 105.0),
    ],
)
def test_the_first_limit_that_is_reached_ends_an_attempt(
    limits: dict[str, float], signs: list[float], verdict: str | None, due: float | None
) -> None:
    state = started(**limits)
    for number, at in enumerate(signs):
        sign(state, number, at)
    assert queries.next_deadline(state) == due
    if due is None:
        assert not stops(state, 1e9)
        return
    assert not stops(state, due - 0.001)
    assert stops(state, due) and not stops(state, due + 1)
    assert state.attempts[KEY].verdict == verdict
    assert queries.next_deadline(state) is None


def test_the_same_look_is_no_sign_of_life() -> None:
    state = started(stall_timeout_s=5.0)
    sign(state, 7, 101.0)
    for now in (102.0, 103.0, 105.9):
        sign(state, 7, now)
    assert stops(state, 106.0)


def test_a_sign_after_the_verdict_comes_too_late() -> None:
    state = started(stall_timeout_s=5.0)
    assert stops(state, 105.0)
    assert not deadlines.is_watched(state.attempts[KEY])
    sign(state, 9, 105.5)
    assert not stops(state, 1e9) and state.attempts[KEY].verdict == "stalled"


@pytest.mark.parametrize(
    ("limits", "code", "outcome", "error"),
    [
        ({"timeout_s": 10.0}, -9, "timeout", "stopped after 10 s, its time limit"),
        ({"timeout_s": 0.5}, 0, "timeout", "stopped after 0.5 s, its time limit"),
        ({"stall_timeout_s": 600.0}, 130, "stalled", "no log line and no progress for 600 s"),
        ({"stall_timeout_s": 600.0}, 75, "stalled", "no log line and no progress for 600 s"),
    ],
)
def test_the_outcome_says_which_limit_whatever_the_exit_code(
    limits: dict[str, float], code: int, outcome: str, error: str
) -> None:
    state = started(**limits)
    assert stops(state, START + 600)
    done = Exit(KEY, code, None, 1.0)
    transitions.on_exit(state, done, START + 601)
    transitions.on_collected(state, done, cmd.Collected(), START + 602)
    (event,) = [item.event for item in state.outbox if isinstance(item, cmd.Record)]
    assert (event.detail.outcome, event.detail.error) == (outcome, error)


Moments = st.lists(st.floats(0.0, 1000.0), max_size=20).map(sorted)


@given(st.floats(0.1, 100.0), st.floats(0.1, 100.0), Moments)
def test_nothing_ends_before_its_limit_nor_goes_on_after_it(
    timeout_s: float, stall_s: float, signs: list[float]
) -> None:
    attempt = Attempt(Launch(*KEY, 2, ["x"], timeout_s=timeout_s, stall_timeout_s=stall_s), 1)
    attempt.phase = Phase.RUNNING
    deadlines.begin(attempt, START)
    last = START
    for number, after in enumerate(signs):
        now = START + after
        expected = _expected(timeout_s, stall_s, last, now)
        assert deadlines.verdict(attempt, now) == expected
        due = deadlines.due_at(attempt)
        assert due is not None and (due <= now) == (expected is not None)
        deadlines.on_sign(attempt, (number,), now)
        last = now


def _expected(timeout_s: float, stall_s: float, last: float, now: float) -> Any:
    if now >= START + timeout_s:
        return "timeout"
    return "stalled" if now >= last + stall_s else None


def test_only_an_attempt_with_a_limit_is_asked_when_it_is_due() -> None:
    for limits, expected in (({}, []), ({"timeout_s": 5.0}, [KEY]), ({"stall_timeout_s": 5.0}, [KEY])):
        assert [attempt.key for attempt in queries.limited(started(**limits))] == expected
