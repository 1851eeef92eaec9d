"""Packings of the work of a run into the seats that it had: what could have been."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Window:
    """A seat at one time, in seconds; the engine would not have left it for longer."""

    begins_at: float
    ends_at: float


@dataclass(frozen=True)
class Packing:
    """What a packing came to."""

    makespan_s: float
    idle_share: float
    """Of the slots' time from the beginning of each window to the end of the last job in it."""


def least_s(windows: Iterable[Window], slots: int, work_s: float, most_s: float) -> float:
    """Return the least time in which the work fits, wasting nothing: jobs are as divisible as water."""
    windows, low, high = list(windows), 0.0, most_s
    for _ in range(60):
        middle = (low + high) / 2
        room_s = sum(max(0.0, min(each.ends_at, middle) - each.begins_at) for each in windows) * slots
        low, high = (middle, high) if room_s < work_s else (low, middle)
    return high


def blind(windows: Sequence[Window], slots: int, jobs_s: Iterable[float]) -> Packing:
    """Return how jobs fit that are begun one after the other, whenever a slot is free, without any delay.

    Nobody knows how long they take, so their order is as good as any.  One that a window cuts goes on in the
    next free slot where it was.
    """
    todo, cut = list(jobs_s)[::-1], list[tuple[float, float]]()
    free = [(window.begins_at, number) for number, window in enumerate(windows) for _ in range(slots)]
    heapq.heapify(free)
    last, busy_s = [window.begins_at for window in windows], 0.0
    while free and (todo or cut):
        at, number = heapq.heappop(free)
        ends_at = windows[number].ends_at
        if at >= ends_at:
            continue
        if cut and (cut[0][0] <= at or not todo):
            since, left_s = heapq.heappop(cut)
            at = max(at, since)
        else:
            left_s = todo.pop()
        done_s = max(0.0, min(left_s, ends_at - at))
        busy_s += done_s
        last[number] = max(last[number], at + done_s)
        if done_s < left_s:
            heapq.heappush(cut, (max(at, ends_at), left_s - done_s))
        heapq.heappush(free, (at + done_s, number))
    had_s = sum(end - window.begins_at for end, window in zip(last, windows, strict=True)) * slots
    return Packing(max(last), 1 - busy_s / had_s)
