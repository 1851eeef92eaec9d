"""Keeps the cache within its limit, and what is in use in the cache."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Callable, Iterator, List, Optional, Sequence

from worker_agent.cache.artefacts import Cache
from worker_agent.cache.leases import CacheUsers, alone, not_home_yet
from worker_agent.core.eviction import Disk, Entry, excess, needed, on_removed, surplus
from worker_agent.core.state import AgentState
from worker_agent.system import remove_tree
from worker_agent.system.background import Answer, Background

_EVERY_S = 10.0


class CacheKeeper:
    """One agent's part in the care for the cache of its machine.  For the loop's thread."""

    def __init__(
        self,
        state: AgentState,
        background: Background,
        complain: Callable[[str], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._state, self._background, self._complain, self._clock = state, background, complain, clock
        self._users: Optional[CacheUsers] = None
        self._under_way = False
        self._next = 0.0
        self._trouble = ""

    def use(self, cache: Cache, name: str) -> None:
        """Say that this run uses an artefact, before it is looked whether it is here."""
        if self._users and name in self._users.used and self._users.layout == cache.layout:
            return
        try:
            self._users_of(cache).use(name)
            cache.touch([name])
        except OSError as error:
            self._say(f"who uses what of the cache cannot be noted: {error}")

    def _users_of(self, cache: Cache) -> CacheUsers:
        if self._users is None or self._users.layout != cache.layout:
            self.close()
            self._users = CacheUsers(cache.layout, cache.run_id)
            for left in cache.left_over():
                self._background.delete(left)
        return self._users

    def look(self, cache: Cache, limit: Optional[int]) -> None:
        """Called about once a second: see to the cache if it has grown, and from time to time."""
        if self._under_way or not (cache.has_grown or self._clock() >= self._next):
            return
        cache.has_grown, self._next, self._under_way = False, self._clock() + _EVERY_S, True
        if self._users:
            cache.touch(self._users.used & needed(self._state))

        def work() -> Answer:
            entries: List[Entry] = []
            try:
                entries = cache.entries()
            except OSError as error:
                self._say(f"the cache cannot be looked at: {error}")
            return lambda: self._settle(cache, limit, entries)

        self._background.hash(work)

    def close(self) -> None:
        """Let others remove what this run has used."""
        if self._users is not None:
            self._users.close()
            self._users = None

    def _settle(self, cache: Cache, limit: Optional[int], entries: Sequence[Entry]) -> None:
        gone: List[Path] = []
        try:
            for name in self._too_many(cache, limit, entries):
                gone.append(cache.evict(name))
                on_removed(self._state, name)
                self._complain(f"the cache is too large: removed {name}")
        except OSError as error:
            self._say(f"the cache cannot be cleaned: {error}")

        def work() -> Answer:
            for path in gone:
                remove_tree.remove(path)
            return self._rest

        self._background.hash(work)

    def _rest(self) -> None:
        self._under_way = False

    def _too_many(self, cache: Cache, limit: Optional[int], entries: Sequence[Entry]) -> Iterator[str]:
        """Yield what is to leave; nobody begins to use it meanwhile."""
        usage = shutil.disk_usage(str(cache.layout.work_dir))
        too_many = excess(sum(entry.size for entry in entries), Disk(usage.total, usage.free), limit)
        if max(too_many) <= 0 or self._users is None or self._users.layout != cache.layout:
            return
        with alone(cache.layout) as is_alone:
            if not is_alone:
                cache.has_grown = True  # so that the next look is soon
                return
            kept = needed(self._state) | self._users.used_by_others() | not_home_yet(cache.layout)
            yield from surplus(entries, too_many, kept, self._users.used)

    def _say(self, text: str) -> None:
        """Tell of trouble, once as long as it stays the same."""
        if text != self._trouble:
            self._trouble = text
            self._complain(text)
