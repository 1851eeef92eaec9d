"""What the rest of the agent asks of the core."""

from __future__ import annotations

from typing import Iterator, List, Optional, Set

from worker_agent.core import deadlines, slot_assignment
from worker_agent.core.execution import Key
from worker_agent.core.state import AgentState, Attempt, Phase

NOTHING_HELD_S = 60.0
"""A link that broke is back by then, and a new agent costs a master little.  The files stay."""


def running(state: AgentState) -> List[Attempt]:
    """Return the attempts that run."""
    attempts = map(state.attempts.__getitem__, on_slots(state))
    return [attempt for attempt in attempts if attempt.phase is Phase.RUNNING]


def limited(state: AgentState) -> List[Attempt]:
    """Return those among them whose time is limited, or how long they may give no sign of life."""
    return [attempt for attempt in running(state) if deadlines.is_limited(attempt)]


def on_slots(state: AgentState) -> Iterator[Key]:
    """Yield the attempts that have a slot, or share one."""
    yield from state.slots.values()
    for riders in state.riders.values():
        yield from riders


def mates(state: AgentState, attempt: Attempt) -> List[Attempt]:
    """Return those that share the slot of an attempt and run, without itself."""
    keys = slot_assignment.holders(state, attempt.slot)
    others = (state.attempts[key] for key in keys if key != attempt.key)
    return [other for other in others if other.phase is Phase.RUNNING] if attempt.key in keys else []


def that_show_life(state: AgentState) -> List[Attempt]:
    """Return the running attempts whose signs of life matter, to themselves or to their mates."""
    watched = [attempt for attempt in running(state) if deadlines.is_watched(attempt)]
    found = {each.key: each for attempt in watched for each in (attempt, *mates(state, attempt))}
    return list(found.values())


def queued(state: AgentState) -> bool:
    """Return whether an attempt waits for nothing but a slot."""
    return any(slot_assignment.is_ready(state, number, key) for number, key in state.ready)


def in_use_beside(state: AgentState, attempt: Attempt) -> Set[str]:
    """Return the artefacts that other attempts use now, or have used and what they left is being digested."""
    phases = (Phase.STARTING, Phase.RUNNING, Phase.COLLECTING)
    others = (item for item in state.attempts.values() if item is not attempt and item.phase in phases)
    return set().union(*(item.needs for item in others))


def busy(state: AgentState) -> bool:
    """Return whether anything runs or is being collected."""
    phases = (Phase.STARTING, Phase.RUNNING, Phase.COLLECTING)
    return any(item.phase in phases for item in state.attempts.values())


def patience_s(state: AgentState, most_s: float, nothing_held_s: float = NOTHING_HELD_S) -> float:
    """Return how long to wait for a master with nothing to do: less where nothing is held for it."""
    return most_s if state.attempts else min(most_s, nothing_held_s)


def next_deadline(state: AgentState) -> Optional[float]:
    """Return when `on_tick` has something to do; None for never."""
    dues = map(deadlines.due_at, limited(state))
    return min((due for due in dues if due is not None), default=None)
