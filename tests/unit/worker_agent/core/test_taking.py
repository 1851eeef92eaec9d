"""Artefacts that the master asks to be had from another worker."""

from __future__ import annotations

import pytest

from tests.unit.worker_agent.core.steps import H1, agent, drained, needing
from worker_agent.core import commands as cmd
from worker_agent.core import staging, taking, transitions
from worker_agent.core.eviction import needed
from worker_agent.core.shares import Device
from worker_agent.core.state import AgentState, Artefact
from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.fetching import Fetch, Fetched, FetchFailed, Source
from worker_agent.protocol.artefacts.peering import Chunks, Take


def take(transfer: int = 1, name: str = H1) -> Take:
    return Take(name, transfer, "lab0", ["192.0.2.7"], 40_000, Chunks([], []))


@pytest.fixture
def state() -> AgentState:
    """Return an agent that wants an artefact, and has been told to take it."""
    state = agent("s1")
    transitions.on_launch(state, needing("a", H1), 1.0)
    staging.on_missing(state, H1, 2.0)
    taking.on_take(state, take(), 3.0)
    assert drained(state)[-1] == cmd.TakeFrom(take())
    return state


def test_what_has_come_is_checked_and_told_and_jobs_begin(state: AgentState) -> None:
    taking.on_taken(state, H1, 1)
    assert drained(state) == [cmd.Verify(H1, delivered=True)]
    staging.on_verified(state, H1, None, True, 5.5)
    told, start = drained(state)
    assert told == cmd.Send(Fetched(H1, Source.PEER, 2.5, 1)) and isinstance(start, cmd.Start)
    assert not state.transfers


def test_what_cannot_be_had_is_left_to_the_master(state: AgentState) -> None:
    taking.on_taken(state, H1, 1, "lab0 cannot send it")
    assert drained(state) == [cmd.Send(FetchFailed(H1, "lab0 cannot send it", 1))]
    assert state.artefacts[H1] is Artefact.WANTED
    staging.on_delivered(state, msg.Delivered(H1))
    assert drained(state) == [cmd.Verify(H1, delivered=True)]


def test_what_has_come_and_is_not_what_it_should_be_is_left_to_the_master(state: AgentState) -> None:
    taking.on_taken(state, H1, 1)
    drained(state)
    staging.on_verified(state, H1, "its content hash is another", True, 4.0)
    assert drained(state) == [cmd.Send(FetchFailed(H1, "its content hash is another", 1))]


def test_another_source_takes_over_and_the_first_is_heard_no_more(state: AgentState) -> None:
    taking.on_take(state, take(2), 4.0)
    assert drained(state) == [cmd.TakeFrom(take(2))]
    taking.on_taken(state, H1, 1, "another source takes over")
    taking.on_taken(state, H1, 1)
    assert not drained(state)
    taking.on_taken(state, H1, 2)
    assert drained(state) == [cmd.Verify(H1, delivered=True)]


def test_what_is_being_checked_is_waited_for() -> None:
    state = agent("s1")
    staging.on_delivered(state, msg.Delivered(H1))
    drained(state)
    taking.on_take(state, take(), 1.0)
    assert not drained(state)
    staging.on_verified(state, H1, None, True, 2.0)
    assert drained(state) == [cmd.Send(Fetched(H1, Source.HERE, 1.0, 1))]


def test_what_was_there_and_had_changed_is_not_to_be_had_so() -> None:
    state = agent("s1")
    transitions.on_launch(state, needing("a", H1), 1.0)
    staging.on_unsure(state, H1, 2.0)
    taking.on_take(state, take(), 3.0)
    drained(state)
    staging.on_verified(state, H1, "changed", False, 4.0)
    assert drained(state) == [cmd.Send(FetchFailed(H1, "changed", 1))]


def test_what_is_here_is_told_at_once(state: AgentState) -> None:
    staging.on_found(state, H1, 4.0)
    assert drained(state)[:2] == [cmd.LetGo(H1), cmd.Send(Fetched(H1, Source.HERE, 1.0, 1))]


@pytest.mark.parametrize("way", ["delivered", "fetched"])
def test_what_comes_in_another_way_is_taken_no_more(state: AgentState, way: str) -> None:
    if way == "delivered":
        staging.on_delivered(state, msg.Delivered(H1))
        assert drained(state) == [cmd.LetGo(H1), cmd.Verify(H1, delivered=True)]
    else:
        staging.on_fetch(state, Fetch(H1))
        assert drained(state) == [cmd.LetGo(H1), cmd.Borrow(H1)]
    taking.on_taken(state, H1, 1, "another source takes over")
    assert not drained(state) and state.artefacts[H1] is Artefact.VERIFYING


def test_what_is_delivered_instead_and_is_damaged_is_a_bad_delivery(state: AgentState) -> None:
    staging.on_delivered(state, msg.Delivered(H1))
    drained(state)
    staging.on_verified(state, H1, "torn", True, 5.0)
    assert drained(state) == [cmd.Send(msg.Rejected(H1, "torn"))] and not state.transfers


def test_a_master_that_comes_knows_of_no_transfer_and_hears_what_is_wanted(state: AgentState) -> None:
    transitions.on_hello(state, [Device("s1")])
    assert drained(state) == [cmd.LetGo(H1), cmd.Send(msg.Wanted(H1))]
    taking.on_taken(state, H1, 1)
    assert not drained(state) and not state.transfers


def test_what_has_come_before_a_master_did_is_used_without_a_word(state: AgentState) -> None:
    taking.on_taken(state, H1, 1)
    transitions.on_hello(state, [Device("s1")])
    drained(state)
    staging.on_verified(state, H1, None, True, 5.0)
    assert not any(isinstance(item, cmd.Send) for item in drained(state))


def test_what_comes_stays(state: AgentState) -> None:
    state.attempts.clear()
    assert needed(state) == {H1}


def test_an_answer_of_no_transfer_is_nothing() -> None:
    state = agent("s1")
    taking.on_taken(state, H1, 1)
    assert not drained(state) and not state.artefacts


def test_what_is_no_content_hash_is_taken_from_nowhere() -> None:
    state = agent("s1")
    taking.on_take(state, take(name="../x"), 1.0)
    assert drained(state) == [cmd.Send(FetchFailed("../x", "not a content hash: 64 hex digits", 1))]
    assert not state.transfers and not state.artefacts
