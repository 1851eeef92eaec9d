"""Looks in the background for rot in the whole cache, once for each agent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import List, Optional

from worker_agent.cache.sweeping import sweep
from worker_agent.core.eviction import on_removed
from worker_agent.core.state import AgentState
from worker_agent.protocol.layout import WorkLayout
from worker_agent.runtime.agent_log import complain
from worker_agent.runtime.effects.table import Handlers
from worker_agent.runtime.host_context import CurrentHost
from worker_agent.runtime.ports import Workers


@dataclass(frozen=True)
class Swept:
    """An artefact was hashed, or did not need to be."""

    content_hash: str
    problems: List[str]


class SweepEffects:
    """One artefact after the other."""

    def __init__(self, state: AgentState, host: CurrentHost, workers: Workers) -> None:
        self._state, self._host, self._workers = state, host, workers
        self._layout: Optional[WorkLayout] = None
        """Of the cache that is being looked at, or was."""
        self._left: List[str] = []

    def table(self) -> Handlers:
        """Return what is handled here."""
        return {Swept: self.on_swept}

    def begin(self) -> None:
        """Called about once a second: begin once it is known where the cache lies."""
        opened = self._host.opened
        if opened is None or self._left or opened.layout == self._layout:
            return
        self._layout, self._left = opened.layout, opened.cache.contents.hashes()
        self._go_on()

    def on_swept(self, answer: Swept) -> None:
        """Want an artefact anew that is not what it should be, and go on with the next."""
        for problem in answer.problems:
            complain(problem)
        if answer.problems:
            on_removed(self._state, answer.content_hash)
        self._left.pop()
        self._go_on()

    def _go_on(self) -> None:
        if not self._left:
            return
        cache, name = self._host.context.cache, self._left[-1]

        def work() -> Swept:
            try:
                return Swept(name, sweep(cache, name))
            except OSError as error:
                return Swept(name, [f"{name} cannot be checked: {error}"])

        self._workers.idle(work)
