"""What is said of seats when something happens to their allocations."""

from __future__ import annotations

from collections.abc import Iterator

from master.core.running import events as ev
from master.core.running.fleet.seats import Seat, SeatState
from master.core.running.records import RunState

OfSeat = ev.SeatPending | ev.SeatRunning | ev.SeatEnded


def news_of_seat(event: OfSeat, seat: Seat | None) -> str:
    """Say what becomes of a seat that stood as `seat`; "" for nothing new."""
    if seat is None or seat.state is SeatState.ENDING:
        return ""
    match event:
        case ev.SeatPending(_, worker, allocation) if seat.state is not SeatState.QUEUED:
            return f"{worker}: allocation {allocation} waits in the queue"
        case ev.SeatRunning(_, worker, allocation) if seat.state is not SeatState.RUNS:
            where = f" on {event.node}" if event.node else ""
            return f"{worker}: allocation {allocation} runs{where}"
        case ev.SeatEnded(_, worker) if seat.state is not SeatState.NONE:
            return f"{worker}: its allocation is over{f': {event.reason}' if event.reason else ''}"
    return ""


def troubles(state: RunState) -> Iterator[str]:
    """Say of each worker why it is not up or not usable, and of each pool why it lends nothing."""
    for view in state.workers.values():
        if view.seat is None or view.trouble:
            yield f"{view.name}: {view.trouble}"
    for pool in state.pools.values():
        if why := pool.trouble:
            yield f"{pool.name}: {why}"
