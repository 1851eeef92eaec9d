"""Which lines of the journal tell of a job: eight bytes for each."""

from __future__ import annotations

from array import array

MOST_LINES = 500
"""Of one job: its last."""
_LARGEST_GAP = 100_000


class Trail:
    """The numbers of the transitions of all jobs; each leads to the one before."""

    def __init__(self) -> None:
        self._last: dict[str, int] = {}
        self._before = array("q")
        self._first = 0
        """The number that the first item belongs to."""

    def add(self, number: int, job_id: str) -> None:
        """Take in a transition; numbers rise, mostly by one."""
        gap = number - self._first - len(self._before)
        if not self._before or gap > _LARGEST_GAP:
            self._before, self._first, gap = array("q"), number, 0
        if gap < 0:
            return
        self._before.extend([0] * gap)
        self._before.append(self._last.get(job_id, 0))
        self._last[job_id] = number

    def of(self, job_id: str) -> list[int]:
        """Return the numbers of a job's last transitions, the oldest first."""
        found: list[int] = []
        number = self._last.get(job_id, 0)
        while number and len(found) < MOST_LINES:
            found.append(number)
            number = self._before[number - self._first] if number >= self._first else 0
        return found[::-1]
