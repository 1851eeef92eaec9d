"""How an artefact comes to a worker otherwise than from the master, which is always the fall-back.

master                              agent
  fetch (an artefact)          →    (takes it from the disk that it shares with others, or waits for it)
                               ←    fetched, or fetch_failed (the master sends it then)

A master says it to agents alone that tell `WorkerFacts.disk`: others do not know these messages.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from worker_agent.protocol.codec import Count, Seconds, Word


class Source(Word):
    """Where an artefact came from."""

    HERE = "here"
    """It was in the cache, or had been delivered."""
    DISK = "disk"
    """Another worker has it in a cache on the same disk."""
    PEER = "peer"
    """Another worker has sent it; see `peering`."""


@dataclass(frozen=True)
class Fetch:
    """Have an artefact, and say so: look on the disk if it is neither here nor being checked."""

    type: ClassVar[str] = "fetch"
    content_hash: str


@dataclass(frozen=True)
class Fetched:
    """What was to be fetched is in the cache, and was checked."""

    type: ClassVar[str] = "fetched"
    content_hash: str
    source: Source
    seconds: Seconds
    """How long it took, the checking included."""
    transfer: Count = 0
    """Which `peering.Take` is answered; 0 is none."""


@dataclass(frozen=True)
class FetchFailed:
    """What was to be fetched is not to be had there."""

    type: ClassVar[str] = "fetch_failed"
    content_hash: str
    problem: str
    transfer: Count = 0
    """Which `peering.Take` is answered; 0 is none."""
