"""Looks for artefacts in the cache, and checks them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Iterable, List, Optional

from worker_agent.cache.artefacts import LOOK_S
from worker_agent.cache.garbage_collection import CacheCleaned, CacheCollector, CacheListed
from worker_agent.core import commands as cmd
from worker_agent.core import staging
from worker_agent.core.eviction import on_removed
from worker_agent.core.state import AgentState
from worker_agent.protocol.artefacts.fetching import Source
from worker_agent.runtime.agent_log import complain
from worker_agent.runtime.effects.table import Handlers
from worker_agent.runtime.host_context import CurrentHost
from worker_agent.runtime.ports import Clock, Workers


@dataclass(frozen=True)
class Verified:
    """An artefact was hashed; `problem` says why it is not what it should be."""

    content_hash: str
    problem: Optional[str]
    delivered: bool


@dataclass(frozen=True)
class Borrowed:
    """An artefact was looked for on the disk; `problem` says why it is not to be had there."""

    content_hash: str
    source: Source
    problem: Optional[str]
    seconds: float


@dataclass(frozen=True)
class Rehashed:
    """An artefact that looked as it should was hashed all the same."""

    content_hash: str
    problems: List[str]


class ArtefactEffects:
    """The cache of this worker, as the core sees it."""

    def __init__(
        self, state: AgentState, host: CurrentHost, collector: CacheCollector, workers: Workers, now: Clock
    ) -> None:
        self._state, self._host, self._collector = state, host, collector
        self._workers, self._now = workers, now

    def table(self) -> Handlers:
        """Return what is handled here."""
        return {
            cmd.Look: self.look,
            cmd.Verify: self.verify,
            cmd.Borrow: self.borrow,
            cmd.Doubt: self.doubt,
            Verified: self.on_verified,
            Borrowed: self.on_borrowed,
            Rehashed: self.on_rehashed,
            CacheListed: self._collector.on_listed,
            CacheCleaned: self._collector.on_cleaned,
        }

    def status(self, content_hash: str) -> str:
        """Return `present`, `missing` or `unsure`; from now on no other run removes it."""
        cache = self._host.context.cache
        if not self._collector.lease(cache, content_hash):
            return "unsure"
        return cache.status(content_hash)

    def keep(self, content_hashes: Iterable[str]) -> None:
        """Let no other run remove what attempts still use that an earlier agent has started."""
        for content_hash in content_hashes:
            self.status(content_hash)

    def look(self, item: cmd.Look) -> None:
        """Tell the core whether an artefact is here."""
        handlers = {
            "present": staging.on_found,
            "missing": staging.on_missing,
            "unsure": staging.on_unsure,
        }
        status = self.status(item.content_hash)
        handlers[status](self._state, item.content_hash, self._now())
        if status == "present":
            # Bits may have rotted since it came.
            self._rehash(item.content_hash, LOOK_S)

    def doubt(self, item: cmd.Doubt) -> None:
        """Hash an artefact at once, whenever that was done last."""
        self._rehash(item.content_hash, 0.0)

    def _rehash(self, name: str, every_s: float) -> None:
        """Hash in a thread what looks as it should, unless that was done in the last `every_s` seconds."""
        cache = self._host.context.cache

        def work() -> Rehashed:
            try:
                return Rehashed(name, cache.rotten([name], every_s))
            except OSError as error:
                return Rehashed(name, [f"{name} cannot be checked: {error}"])

        self._workers.hash(work)

    def on_rehashed(self, answer: Rehashed) -> None:
        """Want an artefact anew that is not what it should be."""
        for problem in answer.problems:
            complain(problem)
        if answer.problems:
            on_removed(self._state, answer.content_hash)

    def verify(self, item: cmd.Verify) -> None:
        """Hash an artefact in a thread."""
        cache = self._host.context.cache
        check = cache.verify_delivered if item.delivered else cache.verify_cached

        def work() -> Verified:
            try:
                problem = check(item.content_hash)
            except Exception as error:
                problem = f"cannot be checked: {error}"
            return Verified(item.content_hash, problem, item.delivered)

        self._workers.hash(work)

    def on_verified(self, answer: Verified) -> None:
        """Tell the core what the hashing has shown."""
        staging.on_verified(self._state, answer.content_hash, answer.problem, answer.delivered, self._now())

    def borrow(self, item: cmd.Borrow) -> None:
        """Look in a thread for an artefact in the caches on the same disk."""
        name, context, began = item.content_hash, self._host.context, time.monotonic()
        self._collector.lease(context.cache, name)

        def work() -> Borrowed:
            source, problem = Source.DISK, None
            try:
                source, problem = context.borrow(name)
            except Exception as error:
                problem = f"cannot be looked for on the disk: {error}"
            return Borrowed(name, source, problem, time.monotonic() - began)

        self._workers.hash(work)

    def on_borrowed(self, answer: Borrowed) -> None:
        """Tell the core what has come of it."""
        found = (answer.content_hash, answer.source, answer.problem, answer.seconds)
        staging.on_borrowed(self._state, *found, self._now())

    def make_room(self) -> None:
        """Make room in the cache where it has grown too large."""
        if self._host.opened:
            context = self._host.opened
            self._collector.look(context.cache, context.settings.cache_limit_bytes)
