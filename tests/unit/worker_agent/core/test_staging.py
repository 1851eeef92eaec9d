"""Attempts that wait for artefacts."""

from __future__ import annotations

from tests.unit.worker_agent.core.steps import H1, agent, brief, drained, needing
from worker_agent.core import commands as cmd
from worker_agent.core import staging, transitions
from worker_agent.core.shares import Device
from worker_agent.core.state import Artefact, Phase
from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.fetching import Fetch, Fetched, FetchFailed, Source


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


def test_what_is_to_be_fetched_is_looked_for_on_the_disk_and_told_when_it_is_there() -> None:
    state = agent("s1")
    transitions.on_launch(state, needing("a", H1), 1.0)
    staging.on_missing(state, H1, 2.0)
    drained(state)
    staging.on_fetch(state, Fetch(H1))
    staging.on_fetch(state, Fetch(H1))
    staging.look_again(state)
    assert brief(drained(state)) == ["borrow 1"]
    staging.on_borrowed(state, H1, Source.DISK, None, 0.25, 3.0)
    assert drained(state)[0] == cmd.Send(Fetched(H1, Source.DISK, 0.25))
    assert state.artefacts[H1] is Artefact.PRESENT and not state.fetching


def test_what_is_not_on_the_disk_is_said_and_may_be_delivered() -> None:
    state = agent("s1")
    transitions.on_launch(state, needing("a", H1), 1.0)
    staging.on_missing(state, H1, 2.0)
    staging.on_fetch(state, Fetch(H1))
    drained(state)
    staging.on_borrowed(state, H1, Source.DISK, "nowhere", 0.25, 3.0)
    assert drained(state) == [cmd.Send(FetchFailed(H1, "nowhere"))]
    staging.on_delivered(state, msg.Delivered(H1))
    staging.on_fetch(state, Fetch(H1))
    assert brief(drained(state)) == ["verify 1 delivered"], "it is told once it is checked"
    staging.on_verified(state, H1, None, True, 4.0)
    assert drained(state)[0] == cmd.Send(Fetched(H1, Source.HERE, 0.0))


def test_what_was_delivered_torn_is_rejected_and_no_more_is_said_of_it() -> None:
    state = agent("s1")
    staging.on_delivered(state, msg.Delivered(H1))
    staging.on_fetch(state, Fetch(H1))
    drained(state)
    staging.on_verified(state, H1, "torn", True, 4.0)
    assert brief(drained(state)) == ["send rejected"] and not state.fetching


def test_what_had_changed_in_the_cache_is_then_looked_for_on_the_disk() -> None:
    state = agent("s1")
    transitions.on_launch(state, needing("a", H1), 1.0)
    staging.on_unsure(state, H1, 2.0)
    staging.on_fetch(state, Fetch(H1))
    drained(state)
    staging.on_verified(state, H1, "changed", False, 3.0)
    assert brief(drained(state)) == ["borrow 1"]


def test_a_master_that_did_not_ask_hears_that_it_is_wanted() -> None:
    state = agent("s1")
    transitions.on_launch(state, needing("a", H1), 1.0)
    staging.on_missing(state, H1, 2.0)
    staging.on_fetch(state, Fetch(H1))
    transitions.on_hello(state, [Device("s1")])
    drained(state)
    staging.on_borrowed(state, H1, Source.DISK, "nowhere", 0.25, 3.0)
    assert drained(state) == [cmd.Send(msg.Wanted(H1))]
    staging.on_fetch(state, Fetch(H1))
    transitions.on_hello(state, [Device("s1")])
    drained(state)
    staging.on_borrowed(state, H1, Source.DISK, None, 0.25, 3.0)
    assert not any(isinstance(item, cmd.Send) for item in drained(state))


def test_what_is_no_content_hash_is_fetched_from_nowhere() -> None:
    state = agent("s1")
    staging.on_fetch(state, Fetch("../x"))
    assert drained(state) == [cmd.Send(FetchFailed("../x", "not a content hash: 64 hex digits"))]
    assert not state.artefacts and not state.fetching
