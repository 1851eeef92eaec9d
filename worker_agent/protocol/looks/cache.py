"""What lies in the cache of a worker."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List

from worker_agent.protocol.codec import Bytes, UnixTime


@dataclass(frozen=True)
class CachedItem:
    """An artefact in a worker's cache."""

    content_hash: str
    bytes: Bytes
    used_at: UnixTime
    """When it was last used, or came."""
    base_model: str = ""
    """What its manifest calls it, for a base model that came from a master."""
    used_by: List[str] = field(default_factory=list)
    """Runs, attempts and processes, in words; empty: it may go."""
    problem: str = ""
    """What is wrong with its bytes, where they were hashed."""
    removed: bool = False
    """It was removed, or would be."""


@dataclass(frozen=True)
class CacheNow:
    """A worker's cache."""

    folder: str
    free_bytes: Bytes
    """Of its disk; 0 is not known."""
    items: List[CachedItem] = field(default_factory=list)
    disk: str = ""
    """Names the disk that it lies on, where that was asked for; empty is not known."""
