"""How often a worker may say what cannot be read."""

from __future__ import annotations

from collections import Counter

from master.errors import WorkerUnusable

MOST_UNREADABLE = 3
"""After so many messages that cannot be read in the same way, a worker is given up."""


class Unreadable:
    """What a worker said that cannot be read."""

    def __init__(self, worker: str) -> None:
        self._worker = worker
        self._times: Counter[str] = Counter()

    def note(self, problem: str) -> None:
        """Raise WorkerUnusable where it repeats itself: an agent replays its events on each connection."""
        self._times[problem] += 1
        if self._times[problem] >= MOST_UNREADABLE:
            raise WorkerUnusable(
                self._worker,
                f"what its agent says cannot be read, and it says it again and again: {problem}; "
                "end the agent there, or leave the worker out",
            )
