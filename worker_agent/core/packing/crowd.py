"""The jobs that share one GPU: when the next may start there."""

from __future__ import annotations

from typing import Iterable, Optional

from worker_agent.core.execution import Key
from worker_agent.core.packing.ladder import Ladder
from worker_agent.core.packing.paces import Paces, Throughput
from worker_agent.core.packing.patience import Patience

SETTLES_S = 1.5
"""So long at most the next job waits for one that shows nothing of itself: about what a context takes."""

SPEAKS_S = 20.0
"""So long the second job waits at most to see whether the first reports progress."""


class Crowd:
    """What is known of the jobs that share a GPU by memory.

    Jobs start one after the other there, each once the one before has reported, holds memory, or was waited
    for: contexts that are made at once take each as long as all together.  The first runs alone until it
    reports, ends or is waited for: where it says nothing, how many run at a time is for memory alone to say
    until one of them reports progress.  So it is, too, where the first reports too seldom to be waited for,
    until paces are known.
    """

    def __init__(self) -> None:
        self.newest: Optional[Key] = None
        """The job that started last, until it has settled."""
        self._first: Optional[Key] = None
        self._is_begun = False
        """It is known whether the first job reports progress."""
        self._ladder: Optional[Ladder] = None
        self._paces, self._together = Paces(), Throughput()
        self._most = 0
        """The most that have reported at a time since the last decision."""
        self._told: Optional[int] = None
        self._patience = Patience()

    @property
    def allowed(self) -> Optional[int]:
        """How many jobs may run at a time; None for as many as have memory.

        Another number is not tried before it is known how fast jobs go beside as many as there are.
        """
        ladder = self._ladder
        if ladder is None or ladder.before is None:
            return ladder.allowed if ladder else None
        return ladder.allowed if self._knows(ladder.before) else ladder.before

    def may_start(self, running: int) -> bool:
        """Return whether another job may start beside so many."""
        allowed = self.allowed if self._is_begun else 1
        return self.newest is None and (allowed is None or running < allowed)

    def started(self, key: Key) -> None:
        """A job is being started."""
        self.newest = key
        self._first = self._first or key

    def awaited(self) -> Iterable[Key]:
        """Return the jobs whose age matters."""
        keys = {self.newest, self._patience.key, None if self._is_begun else self._first}
        return [key for key in keys if key is not None]

    def aged(self, key: Key, age_s: float) -> bool:
        """A job that is awaited has run for so long; return whether others wait for it no more."""
        before = self.newest, self._is_begun
        if age_s >= SETTLES_S:
            self._waited(key)
        self._is_begun |= age_s >= SPEAKS_S
        if self._patience.aged(key, age_s):
            self._ladder = None
            return True
        return (self.newest, self._is_begun) != before

    def seen(self, key: Key) -> None:
        """A job holds memory of the GPU."""
        self._waited(key)
        self._paces.may_work(key)

    def report(self, key: Key, progress: float, at: float, running: int) -> None:
        """One of so many jobs has come so far at a time, in a measure of its own."""
        self._waited(key)
        self._is_begun = True
        self._together.add(self._paces.report(key, progress, at))
        if self._ladder is None and (not self._patience.in_vain or self._knows(max(1, running))):
            self._ladder = Ladder.begin(max(1, running))
        if self._ladder:
            before = self._ladder.before
            self._patience.reported(key, before is None or self._knows(before))
        self._most = max(self._most, self._paces.number)
        self._decide()

    def leave(self, key: Key) -> None:
        """A job is there no more."""
        self._waited(key)
        self._is_begun |= key == self._first
        self._paces.leave(key)
        self._patience.leave(key)

    def ended(self, at: float) -> None:
        """A job has run to its end."""
        if self._ladder:
            self._ladder.ended += 1
            self._together.end(self.allowed or 1, at)
            self._decide()

    def news(self) -> Optional[int]:
        """Return how many jobs at a time are found to get most done, once for each such finding."""
        ladder = self._ladder
        if ladder is None or ladder.before is not None or ladder.allowed == self._told:
            return None
        self._told = ladder.allowed
        return self._told

    def _waited(self, key: Key) -> None:
        if self.newest == key:
            self.newest = None

    def _knows(self, number: int) -> bool:
        return self._paces.knows(number) or self._together.knows(number)

    def _decide(self) -> None:
        ladder = self._ladder
        if ladder is None:
            return
        allowed = ladder.allowed
        if ladder.decide(self._gain, self._most >= allowed):
            self._paces.forget()
            self._together.forget()
        if ladder.allowed != allowed:
            self._most = self._paces.number

    def _gain(self, low: int, high: int) -> Optional[float]:
        found = self._paces.gain(low, high)
        return self._together.gain(low, high) if found is None else found
