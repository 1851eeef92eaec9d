"""Seats whose allocation is about to end: their agents say so by what they evict, and begin nothing more."""

from __future__ import annotations

from master.core.running.fleet.seats import Seat, SeatState
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.records import JobRecord
from worker_agent.protocol.outcome import Finished, Outcome

_AT_MOST_S = 3600.0
"""So long after its end nobody waits for an allocation."""


def note_end(view: WorkerView, seat: Seat, record: JobRecord | None, finished: Finished, at: float) -> None:
    """Take in how an attempt on a seat ended: after an eviction nothing more is given to it.

    `record` is its job, where that still waits for it: what else is told is of an earlier allocation.
    """
    seat.worked = True
    if record is not None and finished.outcome is Outcome.EVICTED and seat.state is SeatState.RUNS:
        seat.drains = view.paused = True
        view.paused_until = max(at, seat.ends_at or 0.0) + _AT_MOST_S


def use_again(view: WorkerView, seat: Seat) -> None:
    """Give a seat something again: its allocation is over, and the next is another one."""
    if seat.drains:
        seat.drains = view.paused = False
