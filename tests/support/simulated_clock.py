"""Time and chance of a simulation: actions in the order of their moments; one seed gives one run."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from random import Random

Action = Callable[[], None]


class Clock:
    """Simulated seconds, shared by all that take part."""

    def __init__(self, random: Random, now: float = 0.0) -> None:
        self.random, self.now = random, now
        self._numbers = itertools.count(1)
        self._heap: list[tuple[float, int, Action]] = []

    def number(self) -> int:
        """Return a number that nobody else gets."""
        return next(self._numbers)

    def soon(self, delay_s: float, action: Action) -> None:
        """Do something so many seconds from now."""
        heapq.heappush(self._heap, (self.now + delay_s, self.number(), action))

    def every(self, mean_s: float, action: Action, until: Callable[[], bool]) -> None:
        """Do something again and again at random moments, `mean_s` apart on average."""

        def again() -> None:
            if not until():
                action()
                self.every(mean_s, action, until)

        self.soon(self.random.expovariate(1 / mean_s), again)

    def next(self) -> Action:
        """Go on to what comes next, and return it."""
        self.now, _, action = heapq.heappop(self._heap)
        return action
