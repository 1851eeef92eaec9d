"""What the adapters tell the dispatcher: everything goes through one queue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Any

from master.core.running.events import Event


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
    task_id: str
    attempt: int
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class Noted:
    """A line for the user."""

    text: str


Inbox = SimpleQueue[Received | Seen | Noted]
