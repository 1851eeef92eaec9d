"""What the adapters tell the dispatcher: everything goes through one queue."""

from __future__ import annotations

from dataclasses import dataclass
from queue import SimpleQueue

from master.core.running.events import Event
from worker_agent.protocol.reports import Said


@dataclass(frozen=True)
class Received:
    """An event for the core."""

    event: Event
    worker: str = ""
    seq: int = 0
    """Number of the agent's event, to be acknowledged once the journal has it; 0 needs none."""


@dataclass(frozen=True)
class Seen:
    """Progress of a running attempt, for the view alone."""

    worker: str
    job_id: str
    attempt: int
    said: Said
    slot: str | None = None
    """Where it runs, said once."""


@dataclass(frozen=True)
class Noted:
    """A line for the user."""

    text: str


Inbox = SimpleQueue[Received | Seen | Noted]
