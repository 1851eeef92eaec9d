"""What attempts need from the cache: looked for, wanted, verified.

(looking) ──▶ present
    │            ▲
    ├──▶ verifying ──▶ wanted ──▶ (delivered, or to be fetched; see `taking`) ──▶ verifying
    └───────────────────▲
"""

from __future__ import annotations

import heapq
from typing import Optional

from worker_agent.core import commands as cmd
from worker_agent.core import slot_assignment, taking
from worker_agent.core.launch_check import is_content_hash
from worker_agent.core.outcomes import record
from worker_agent.core.state import AgentState, Artefact, Attempt
from worker_agent.protocol.artefacts.fetching import Fetch, Fetched, FetchFailed, Source
from worker_agent.protocol.events import EventKind, Staging
from worker_agent.protocol.messages import Delivered, Rejected, Wanted


def await_artefacts(state: AgentState, attempt: Attempt, now: float) -> None:
    """Put a queued attempt where it belongs: ready, or waiting for the first artefacts it lacks."""
    lacking = [name for name in attempt.needs if state.artefacts.get(name) is not Artefact.PRESENT]
    if not lacking:
        heapq.heappush(state.ready, (attempt.number, attempt.key))
    for name in lacking:
        unattended = not state.waiting.get(name)
        state.waiting.setdefault(name, set()).add(attempt.key)
        if name not in state.artefacts:
            state.artefacts[name] = Artefact.LOOKING
            state.outbox.append(cmd.Look(name))
        elif state.artefacts[name] is not Artefact.LOOKING:
            _stage(state, attempt, now)
        if unattended and state.artefacts[name] is Artefact.WANTED:
            # Nobody waited when a master came last, so that one may not know that it is wanted.
            state.outbox.append(cmd.Send(Wanted(name)))


def on_delivered(state: AgentState, message: Delivered) -> None:
    """An artefact is in `incoming`: check it, unless it is here already."""
    content_hash = message.content_hash
    if not is_content_hash(content_hash):
        state.outbox.append(cmd.Send(Rejected(content_hash, "not a content hash: 64 hex digits")))
    elif state.artefacts.get(content_hash) is not Artefact.VERIFYING:
        taking.let_go(state, content_hash)
        state.transfers.pop(content_hash, None)  # what is wrong now is wrong with what was delivered
        state.artefacts[content_hash] = Artefact.VERIFYING
        state.outbox.append(cmd.Verify(content_hash, delivered=True))


def on_fetch(state: AgentState, message: Fetch) -> None:
    """The master asks for an artefact to be had without it; what is being checked is waited for."""
    content_hash = message.content_hash
    if not is_content_hash(content_hash):
        state.outbox.append(cmd.Send(FetchFailed(content_hash, "not a content hash: 64 hex digits")))
        return
    state.fetching.add(content_hash)
    if state.artefacts.get(content_hash) is not Artefact.VERIFYING:
        _borrow(state, content_hash)


def _borrow(state: AgentState, content_hash: str) -> None:
    taking.let_go(state, content_hash)
    state.artefacts[content_hash] = Artefact.VERIFYING
    state.outbox.append(cmd.Borrow(content_hash))


def on_borrowed(
    state: AgentState, content_hash: str, source: Source, problem: Optional[str], seconds: float, now: float
) -> None:
    """An artefact was looked for on the disk; `problem` says why it is not to be had there."""
    if problem is None:
        _say_fetched(state, content_hash, source, seconds)
        on_found(state, content_hash, now)
    elif content_hash in state.fetching:
        state.fetching.discard(content_hash)
        state.artefacts[content_hash] = Artefact.WANTED
        state.outbox.append(cmd.Send(FetchFailed(content_hash, problem)))
    else:
        _want(state, content_hash, now)  # it was another master that asked


def _say_fetched(state: AgentState, content_hash: str, source: Source, seconds: float = 0.0) -> None:
    if content_hash in state.fetching:
        state.fetching.discard(content_hash)
        state.outbox.append(cmd.Send(Fetched(content_hash, source, round(seconds, 6))))


def on_found(state: AgentState, content_hash: str, now: float) -> None:
    """The cache holds an artefact."""
    taking.let_go(state, content_hash)
    state.artefacts[content_hash] = Artefact.PRESENT
    _say_fetched(state, content_hash, Source.HERE)
    taking.say_here(state, content_hash, now)
    for key in state.waiting.pop(content_hash, set()):
        await_artefacts(state, state.attempts[key], now)
    slot_assignment.fill(state)


def on_missing(state: AgentState, content_hash: str, now: float) -> None:
    """The cache does not hold an artefact."""
    if state.artefacts.get(content_hash) is Artefact.LOOKING:
        _want(state, content_hash, now)
        slot_assignment.fill(state)  # others of a group may have waited for this answer alone


def on_unsure(state: AgentState, content_hash: str, now: float) -> None:
    """The cache holds an artefact that may have changed since it was verified."""
    if state.artefacts.get(content_hash) is not Artefact.VERIFYING:
        state.artefacts[content_hash] = Artefact.VERIFYING
        state.outbox.append(cmd.Verify(content_hash, delivered=False))
    _say_staging(state, content_hash, now)
    slot_assignment.fill(state)


def on_verified(
    state: AgentState, content_hash: str, problem: Optional[str], delivered: bool, now: float
) -> None:
    """An artefact was hashed; `problem` says why it is not what it should be."""
    if problem is None:
        on_found(state, content_hash, now)
    elif content_hash in state.transfers:
        state.fetching.discard(content_hash)
        taking.fail(state, content_hash, problem)
    elif delivered:
        state.artefacts[content_hash] = Artefact.WANTED
        state.fetching.discard(content_hash)  # the master hears of it by this
        state.outbox.append(cmd.Send(Rejected(content_hash, problem)))
    elif content_hash in state.fetching:
        _borrow(state, content_hash)
    else:
        _want(state, content_hash, now)


def look_again(state: AgentState) -> None:
    """Another run may have put into the cache what we want."""
    for content_hash, status in state.artefacts.items():
        if status is Artefact.WANTED and state.waiting.get(content_hash):
            state.outbox.append(cmd.Look(content_hash))


def _want(state: AgentState, content_hash: str, now: float) -> None:
    state.artefacts[content_hash] = Artefact.WANTED
    _say_staging(state, content_hash, now)
    state.outbox.append(cmd.Send(Wanted(content_hash)))


def _say_staging(state: AgentState, content_hash: str, now: float) -> None:
    for key in sorted(state.waiting.get(content_hash, set())):
        _stage(state, state.attempts[key], now)


def _stage(state: AgentState, attempt: Attempt, now: float) -> None:
    """Tell once that an attempt waits for an artefact."""
    if not attempt.staged:
        attempt.staged = True
        record(state, EventKind.STAGING, attempt.key, now, Staging())
