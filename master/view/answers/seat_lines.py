"""What the live view says of seats and their pools."""

from __future__ import annotations

from collections.abc import Iterator

from master.core.harmless import clean
from master.core.running.fleet.seats import SeatState
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.records import RunState
from master.view.wording import plural, time_of_day


def waiting_text(view: WorkerView, at: float) -> str:
    """Say of a seat that is not up how its allocation stands; "" where its link says more."""
    seat = view.seat
    if seat is None or (seat.state is SeatState.RUNS and view.reason):
        return ""
    if seat.state is SeatState.QUEUED:
        expected = f", expected {time_of_day(seat.expected_at, at)}" if seat.expected_at else ""
        return clean(f"waits in the queue{f': {seat.reason}' if seat.reason else ''}{expected}")
    if seat.state is SeatState.RUNS:
        return f"allocation {seat.allocation} runs, its agent is being connected"
    return "its allocation is given back" if seat.state is SeatState.ENDING else "asks for an allocation"


def pool_lines(state: RunState) -> Iterator[str]:
    """Yield a line for each pool that lends nothing, with the reason, and how many seats rest."""
    for pool in state.pools.values():
        if pool.trouble:
            views = state.workers.values()
            resting = sum(view.is_unused for view in views if view.seat and view.seat.pool == pool.name)
            yield clean(f"{pool.name}: {plural(resting, 'seat')} without allocation: {pool.trouble}")
