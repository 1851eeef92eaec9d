"""Artefacts that come from other workers.

(wanted) ──▶ taking ──▶ verifying ──▶ present
               └──▶ wanted: the master is told why, and sends it
"""

from __future__ import annotations

from worker_agent.core import commands as cmd
from worker_agent.core.launch_check import is_content_hash
from worker_agent.core.state import AgentState, Artefact, Transfer
from worker_agent.protocol.artefacts.fetching import Fetched, FetchFailed, Source
from worker_agent.protocol.artefacts.peering import Take


def on_take(state: AgentState, message: Take, now: float) -> None:
    """The master asks for an artefact to be had from another worker; what is being checked is waited for."""
    name = message.content_hash
    if not is_content_hash(name):
        problem = "not a content hash: 64 hex digits"
        state.outbox.append(cmd.Send(FetchFailed(name, problem, message.transfer)))
        return
    state.transfers[name] = Transfer(message.transfer, now)
    if state.artefacts.get(name) is not Artefact.VERIFYING:
        state.artefacts[name] = Artefact.TAKING
        state.outbox.append(cmd.TakeFrom(message))


def on_taken(state: AgentState, content_hash: str, transfer: int, problem: str = "") -> None:
    """A transfer has ended, or has not begun; `problem` says why it has not brought all."""
    expected = state.transfers.get(content_hash)
    if (
        expected is None
        or expected.number != transfer
        or state.artefacts.get(content_hash) is not Artefact.TAKING
    ):
        return  # something else has come in its place
    if problem:
        fail(state, content_hash, problem)
        return
    state.transfers[content_hash] = expected._replace(has_come=True)
    state.artefacts[content_hash] = Artefact.VERIFYING
    state.outbox.append(cmd.Verify(content_hash, delivered=True))


def let_go(state: AgentState, content_hash: str) -> None:
    """The artefact comes in another way: take it no more."""
    if state.artefacts.get(content_hash) is Artefact.TAKING:
        state.artefacts[content_hash] = Artefact.WANTED
        state.outbox.append(cmd.LetGo(content_hash))


def forget(state: AgentState) -> None:
    """A master came, which knows of no transfer."""
    for content_hash in state.transfers:
        let_go(state, content_hash)
    state.transfers.clear()


def say_here(state: AgentState, content_hash: str, now: float) -> None:
    """Tell the master, if it waits for that, that what was to be taken is here."""
    found = state.transfers.pop(content_hash, None)
    if found:
        source = Source.PEER if found.has_come else Source.HERE
        seconds = round(max(0.0, now - found.began), 6)
        state.outbox.append(cmd.Send(Fetched(content_hash, source, seconds, found.number)))


def fail(state: AgentState, content_hash: str, problem: str) -> None:
    """Tell the master that what was to be taken has to come from it."""
    found = state.transfers.pop(content_hash)
    state.artefacts[content_hash] = Artefact.WANTED
    state.outbox.append(cmd.Send(FetchFailed(content_hash, problem, found.number)))
