"""Slots in time: who comes first takes the one that is free first."""

from __future__ import annotations

import heapq
from collections.abc import Sequence


class Slots:
    """When each slot is free, in seconds from now."""

    def __init__(self, free: Sequence[float]) -> None:
        """`free` has one number for each slot, at least one."""
        self._free = sorted(free)

    def run(self, seconds: float, not_before: float = 0.0) -> float:
        """Give a job the slot that is free first and return when it ends."""
        end = max(self._free[0], not_before) + seconds
        heapq.heapreplace(self._free, end)
        return end

    def pour(self, work: float, not_before: float = 0.0) -> tuple[float, float]:
        """Share many jobs of `work` seconds in all among the slots; return when they begin and end."""
        free = sorted(max(each, not_before) for each in self._free)
        level, filled = free[0], 0.0
        for count, each in enumerate(free, 1):
            filled += each
            level = (work + filled) / count
            if count == len(free) or level <= free[count]:
                break
        self._free = [max(each, level) for each in free]
        return free[0], level
