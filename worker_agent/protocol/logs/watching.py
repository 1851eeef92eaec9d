"""The messages by which somebody looks at the log of a running attempt.

    master                               agent
      watch (from a byte on)        →
                                    ←    log_chunk, log_chunk, …  as many as are granted, then it waits
      watch_on (one more)           →
      unwatch                       →    (nothing more; so it is when the master is gone)

Chunks stand behind everything else that goes the same way, and only a few are on it at a time.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import ClassVar, Optional, Union

from worker_agent.protocol.codec import Bytes, Count, MessageError

CHUNK_BYTES = 64 * 1024
"""Of a log, in one message."""
GRANTED = 4
"""How many chunks a watch may be ahead of its reader."""


@dataclass(frozen=True)
class Watch:
    """Tell what an attempt has written and writes, from `offset` on."""

    type: ClassVar[str] = "watch"
    number: Count
    """Of this watch, in all that belongs to it."""
    job_id: str
    attempt: Count
    offset: Bytes = 0
    """Counted as it was written, whatever was cut since."""
    last_lines: Optional[Count] = None
    """Begin with so many of its last lines instead."""


@dataclass(frozen=True)
class WatchOn:
    """A chunk has been read: another one may come."""

    type: ClassVar[str] = "watch_on"
    number: Count


@dataclass(frozen=True)
class Unwatch:
    """Nobody looks any more."""

    type: ClassVar[str] = "unwatch"
    number: Count


Watching = Union[Watch, WatchOn, Unwatch]


@dataclass(frozen=True)
class LogChunk:
    """A piece of a log; what lies between it and the one before was cut, to keep the log within its limit."""

    type: ClassVar[str] = "log_chunk"
    number: Count
    offset: Bytes
    """Where it begins, counted as it was written."""
    data: str = ""
    """In base64: a log may hold any bytes."""
    far: bool = False
    """It may begin after the last lines that were asked for: they are longer than is looked back."""
    over: bool = False
    """Nothing follows: the attempt has ended and this was all …"""
    gone: bool = False
    """… or the agent does not have the log, or has it no more."""

    @classmethod
    def of(cls, number: int, offset: int, data: bytes, far: bool = False) -> "LogChunk":
        """Return the chunk of some bytes."""
        return cls(number, offset, base64.b64encode(data).decode("ascii"), far)

    def bytes(self) -> bytes:
        """Return what was written.  Raises MessageError for what cannot be a chunk."""
        try:
            data = base64.b64decode(self.data, validate=True)
        except ValueError as error:
            raise MessageError(f"LogChunk.data is no base64: {error}") from error
        if len(data) > CHUNK_BYTES:
            raise MessageError(f"LogChunk.data has {len(data)} bytes, allowed are {CHUNK_BYTES}")
        return data
