"""What happens to attempts, as an agent tells it, once for all: numbered, and replayed until acknowledged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Optional, Sequence, Union

from worker_agent.protocol.codec import Count, UnixTime, Variants, Word
from worker_agent.protocol.outcome import Finished


class EventKind(Word):
    """What happens to attempts."""

    STAGING = "staging"
    RUNNING = "running"
    FINISHED = "finished"


@dataclass(frozen=True)
class Staging:
    """An attempt waits for an artefact."""


class Ticks(NamedTuple):
    """The kernel's clock before and after a process was started; in messages a list of both."""

    before: int
    after: int

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> "Ticks":
        """Return the ticks of a row.  Raises ValueError for another one."""
        before, after = row
        if type(before) is not int or type(after) is not int:
            raise ValueError(f"not ticks: {row!r:.200}")
        return cls(before, after)


@dataclass(frozen=True)
class Running:
    """An attempt runs."""

    slot: Optional[str]
    pid: Count
    """Its first process …"""
    ticks: Ticks
    """… and when that was started: what has the pid later may be another program."""


@dataclass(frozen=True)
class Event:
    """Something that happened to an attempt; sent again until acknowledged.

    That an attempt has started is not said any more once it has ended: its end says so too.
    """

    type: ClassVar[str] = "event"
    VARIANTS: ClassVar[Variants] = Variants(
        *("detail", "kind"),
        {EventKind.STAGING: Staging, EventKind.RUNNING: Running, EventKind.FINISHED: Finished},
    )
    seq: Count
    kind: EventKind
    job_id: str
    attempt: Count
    at: UnixTime
    """On the worker's clock."""
    detail: Union[Staging, Running, Finished]
