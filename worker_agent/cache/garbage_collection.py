"""Keeps the cache within its limit, and what is in use in the cache."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Sequence

from worker_agent.cache.artefacts import Cache
from worker_agent.cache.leases import CacheLeases, alone, not_home_yet
from worker_agent.core.eviction import Disk, Entry, excess, needed, on_removed, surplus
from worker_agent.core.state import AgentState
from worker_agent.system.background import Background
from worker_agent.system.remove_tree import remove_tree

_EVERY_S = 10.0


@dataclass(frozen=True)
class CacheListed:
    """The answer of a look at the cache."""

    cache: Cache
    limit: Optional[int]
    entries: Sequence[Entry]


@dataclass(frozen=True)
class CacheCleaned:
    """What was taken out of the cache is deleted."""


class CacheCollector:
    """One agent's part in the care for the cache of its machine.  For the loop's thread."""

    def __init__(
        self,
        state: AgentState,
        background: Background,
        complain: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state, self._background, self._complain, self._clock = state, background, complain, clock
        self._leases: Optional[CacheLeases] = None
        self._collecting = False
        self._next = 0.0
        self._trouble = ""

    def lease(self, cache: Cache, name: str) -> bool:
        """Say that this run uses an artefact, before it is looked whether it is here; False: ask again."""
        if self._leases and name in self._leases.names and self._leases.layout == cache.layout:
            return True
        try:
            is_kept = self._leases_of(cache).lease(name)
            cache.contents.touch([name])
        except OSError as error:
            self._say(f"who uses what of the cache cannot be noted: {error}")
            return True
        return is_kept

    def _leases_of(self, cache: Cache) -> CacheLeases:
        if self._leases is None or self._leases.layout != cache.layout:
            self.close()
            self._leases = CacheLeases(cache.layout, cache.run_id)
            for left in cache.contents.left_over():
                self._background.delete(left)
        return self._leases

    def look(self, cache: Cache, limit: Optional[int]) -> None:
        """Called about once a second: see to the cache if it has grown, and from time to time."""
        if self._collecting or not (cache.has_grown or self._clock() >= self._next):
            return
        cache.has_grown, self._next, self._collecting = False, self._clock() + _EVERY_S, True
        if self._leases:
            cache.contents.touch(self._leases.names & needed(self._state))
        self._background.hash(lambda: self._list(cache, limit))

    def close(self) -> None:
        """Let others remove what this run has used."""
        if self._leases is not None:
            self._leases.close()
            self._leases = None

    def _list(self, cache: Cache, limit: Optional[int]) -> CacheListed:
        """In a thread."""
        entries: List[Entry] = []
        try:
            entries = cache.contents.entries()
        except OSError as error:
            self._say(f"the cache cannot be looked at: {error}")
        return CacheListed(cache, limit, entries)

    def on_listed(self, found: CacheListed) -> None:
        """Take out what is too much."""
        gone: List[Path] = []
        try:
            for name in self._too_many(found.cache, found.limit, found.entries):
                gone.append(found.cache.contents.evict(name))
                on_removed(self._state, name)
                self._complain(f"the cache is too large: removed {name}")
        except OSError as error:
            self._say(f"the cache cannot be cleaned: {error}")

        def work() -> CacheCleaned:
            for path in gone:
                remove_tree(path)
            return CacheCleaned()

        self._background.hash(work)

    def on_cleaned(self, _: CacheCleaned) -> None:
        """From now on the cache may be looked at again."""
        self._collecting = False

    def _too_many(self, cache: Cache, limit: Optional[int], entries: Sequence[Entry]) -> Iterator[str]:
        """Yield what is to leave; nobody begins to use it meanwhile."""
        usage = shutil.disk_usage(str(cache.layout.work_dir))
        too_many = excess(sum(entry.size for entry in entries), Disk(usage.total, usage.free), limit)
        if max(too_many) <= 0 or self._leases is None or self._leases.layout != cache.layout:
            return
        with alone(cache.layout) as is_alone:
            if not is_alone:
                cache.has_grown = True  # so that the next look is soon
                return
            kept = needed(self._state) | self._leases.leased_by_others() | not_home_yet(cache.layout)
            yield from surplus(entries, too_many, kept, self._leases.names)

    def _say(self, text: str) -> None:
        """Tell of trouble, once as long as it stays the same."""
        if text != self._trouble:
            self._trouble = text
            self._complain(text)
