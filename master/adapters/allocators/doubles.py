"""Which allocation is a seat's, where an engine names several: a pure choice.

A submission of which nobody heard may come through after all, when the next one has been made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from master.adapters.allocators.allocator import Allocation, AllocationState

ENDING = "completing"
"""The reason of an allocation that runs, but is being ended."""


@dataclass(frozen=True)
class Chosen:
    """What a look has found, one allocation a seat."""

    found: Mapping[str, Allocation]
    surplus: tuple[Allocation, ...]
    """What lives beside these, and is to be given back."""


def choose(allocations: Iterable[Allocation], known: Mapping[str, Allocation]) -> Chosen:
    """Choose one of each seat: one that runs, and of two the one that is `known` to run, else the older."""
    best, lives = dict[str, Allocation](), list[Allocation]()
    for each in sorted(allocations, key=lambda found: _weight(found, known)):
        best[each.seat] = each
        if each.state is not AllocationState.GONE and each.reason != ENDING:
            lives.append(each)
    return Chosen(best, tuple(each for each in lives if each is not best[each.seat]))


def _weight(allocation: Allocation, known: Mapping[str, Allocation]) -> tuple[int, bool, int]:
    had, number = known.get(allocation.seat), int(allocation.allocation_id)
    is_known = had is not None and had.allocation_id == allocation.allocation_id
    works = bool(is_known and had and had.state is AllocationState.RUNNING)
    if allocation.state is AllocationState.GONE:
        return 0, False, number
    ends = allocation.reason == ENDING
    rank = 1 if ends else 2 if allocation.state is AllocationState.QUEUED else 3
    return rank, works, -number
