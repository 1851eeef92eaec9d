"""Which artefacts leave a worker's cache when it has grown too large.  Free of I/O.

What leaves is fetched from the head node again should a job need it: only time is lost.  So those that no
active run has used go first, the least recently used before the others.  Then, where that is not enough,
those that this run has used and that none of its attempts needs now.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Collection, Iterable, List, Optional, Sequence, Set, Tuple

from worker_agent.core.state import AgentState, Artefact, Phase

_LARGEST_RESERVE = 20 * 1000**3
_DISK_SHARE = 10
_OURS_SHARE = 4


@dataclass(frozen=True)
class Entry:
    """An artefact in the cache."""

    name: str
    """Its content hash."""
    size: int
    used_at: float
    """Unix time."""


@dataclass(frozen=True)
class Disk:
    """What the file system of the cache says, in bytes."""

    size: int
    free: int


def needed(state: AgentState) -> Set[str]:
    """Return the artefacts that must stay: attempts need them, or they are being hashed, or come."""
    coming = (Artefact.VERIFYING, Artefact.TAKING)
    found = {name for name, status in state.artefacts.items() if status in coming}
    return found.union(*(item.needs for item in state.attempts.values() if item.phase is not Phase.FINISHED))


def on_removed(state: AgentState, content_hash: str) -> None:
    """The cache had to make room: who needs the artefact next looks for it."""
    state.artefacts.pop(content_hash, None)


def excess(total: int, disk: Disk, limit: Optional[int]) -> Tuple[int, int]:
    """Return how many bytes are too many: first for artefacts of no active run, then for those of this run.

    `total` is what the cache holds.  Without a limit a tenth of the disk is to stay free, 20 GB at most; what
    this run has used is left alone until only a quarter of that is free.
    """
    if limit is not None:
        return total - limit, total - limit
    reserve = min(disk.size // _DISK_SHARE, _LARGEST_RESERVE)
    return reserve - disk.free, reserve // _OURS_SHARE - disk.free


def surplus(
    entries: Iterable[Entry], too_many: Tuple[int, int], kept: Collection[str], ours: Collection[str]
) -> List[str]:
    """Return the names of what is to leave; `kept` must stay, `ours` is what this run has used."""
    free = sorted((entry for entry in entries if entry.name not in kept), key=_age)
    idle = _least_recent([entry for entry in free if entry.name not in ours], too_many[0])
    gained = sum(entry.size for entry in idle)
    own = _least_recent([entry for entry in free if entry.name in ours], too_many[1] - gained)
    return [entry.name for entry in (*idle, *own)]


def _age(entry: Entry) -> Tuple[float, str]:
    return entry.used_at, entry.name


def _least_recent(entries: Sequence[Entry], too_many: int) -> List[Entry]:
    """Return the first entries that make up so many bytes."""
    found: List[Entry] = []
    for entry in entries:
        if too_many <= 0:
            break
        too_many -= entry.size
        found.append(entry)
    return found
