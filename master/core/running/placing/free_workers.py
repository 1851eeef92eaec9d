"""Workers that may have room: the emptiest is found at once, however many there are."""

from __future__ import annotations

from collections.abc import Callable

from master.core.running.placing.ranking import Ranking, Standing


class FreeWorkers:
    """Those that may have room; all others have none.  Those that nothing is ready for rest a while."""

    def __init__(self, standing: Callable[[str], Standing | None]) -> None:
        """`standing` tells how full a worker is; None where it has no room."""
        self._ranking = Ranking(standing)
        self._resting: set[str] = set()
        self._looked_at = 0

    def add(self, worker: str) -> None:
        """Note that a worker may have room, or more of it."""
        if self._resting:
            self._resting.discard(worker)
        self._ranking.put(worker)

    def are_none(self, added: int) -> bool:
        """Return whether nobody has room, and no other jobs are ready than before, by their count `added`."""
        return added == self._looked_at and not self._ranking

    def emptiest(self) -> str | None:
        """Return the worker to be filled next, None where nobody has room."""
        return self._ranking.best()

    def rest(self, worker: str) -> None:
        """Pass over a worker, as nothing that is ready is for it, until something changes."""
        self._ranking.take(worker)
        self._resting.add(worker)

    def wake(self) -> None:
        """Let all be considered again."""
        resting, self._resting = self._resting, set()
        for worker in resting:
            self._ranking.put(worker)

    def look_at(self, added: int) -> None:
        """Wake all where other jobs are ready than before: `added` counts them."""
        if added != self._looked_at:
            self._looked_at = added
            self.wake()
