"""Attempts that wait for artefacts."""

from __future__ import annotations

from tests.unit.worker_agent.core.steps import H1, agent, brief, drained, needing
from worker_agent.core import staging, transitions
from worker_agent.core.shares import Device
from worker_agent.core.state import Artefact, Phase
from worker_agent.protocol import messages as msg


def test_a_cancel_while_an_artefact_is_awaited_frees_the_waiting_list() -> None:
    state = agent("s1")
    transitions.on_launch(state, needing("a", H1), 1.0)
    staging.on_missing(state, H1, 2.0)
    transitions.on_cancel(state, msg.Cancel("a", 1), 3.0)
    drained(state)
    staging.look_again(state)
    transitions.on_hello(state, [Device("s1")])
    staging.on_found(state, H1, 4.0)
    assert drained(state) == []
    assert state.artefacts[H1] is Artefact.PRESENT and state.attempts["a", 1].phase is Phase.FINISHED


def test_an_artefact_that_nobody_waited_for_when_a_master_came_is_wanted_anew() -> None:
    state = agent("s1")
    transitions.on_launch(state, needing("a", H1), 1.0)
    staging.on_missing(state, H1, 2.0)
    transitions.on_cancel(state, msg.Cancel("a", 1), 3.0)
    transitions.on_hello(state, [Device("s1")])
    drained(state)
    transitions.on_launch(state, needing("b", H1), 4.0)
    assert "send wanted" in brief(drained(state))
    transitions.on_launch(state, needing("c", H1), 5.0)
    assert "send wanted" not in brief(drained(state))


def test_what_was_wanted_and_is_found_by_a_second_look_needs_no_delivery() -> None:
    state = agent("s1")
    transitions.on_launch(state, needing("a", H1), 1.0)
    staging.on_missing(state, H1, 2.0)
    drained(state)
    staging.on_missing(state, H1, 3.0)
    assert drained(state) == [], "it is wanted already"
    staging.on_unsure(state, H1, 4.0)
    staging.on_unsure(state, H1, 4.0)
    assert brief(drained(state)) == ["verify 1 cached"]
