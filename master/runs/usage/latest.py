"""How busy the workers were a moment ago, for who asks a running master."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from master.runs.notices import Notices, Sampled
from worker_agent.protocol.reports import Usage


class LatestUse:
    """An observer of one run; any thread may ask."""

    def __init__(self) -> None:
        self._said = dict[str, Usage]()

    def subscribe(self, notices: Notices) -> None:
        """Hear what workers say."""
        notices.listen(Sampled, self.take)

    def take(self, sampled: Sampled) -> None:
        """Keep what a worker said last."""
        self._said[sampled.worker] = sampled.usage

    def told(self) -> dict[str, Any]:
        """Return by worker what it said last, of those that have said something."""
        return {worker: asdict(usage) for worker, usage in self._said.copy().items()}
