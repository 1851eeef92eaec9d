"""What keeps a seat of a pool from taking a job: how its allocation stands."""

from __future__ import annotations

from master.core.explaining.causes import Hindrance, Obstacle
from master.core.running.fleet.seats import Pool, Seat, SeatState
from master.core.running.records import RunState
from master.core.running.seating.wanted import WAITING


def of_seat(state: RunState, name: str, seat: Seat, reason: str) -> Hindrance:
    """Return what keeps a seat whose agent does not answer; `reason` is what its link says."""
    if seat.state is SeatState.NONE:
        return Hindrance(name, Obstacle.NO_ALLOCATION, why_none(state, state.pools[seat.pool]))
    if seat.state in WAITING:
        return Hindrance(name, Obstacle.QUEUED, seat.reason, seat.expected_at)
    if seat.state is SeatState.ENDING:
        return Hindrance(name, Obstacle.GIVEN_BACK)
    return Hindrance(name, Obstacle.STARTING if seat.up_at is None else Obstacle.DOWN, reason)


def why_none(state: RunState, pool: Pool) -> str:
    """Return why a seat of a pool has not asked for an allocation; "" where nothing asks for one."""
    if pool.trouble:
        return pool.trouble
    if not pool.seen:
        return f"{pool.name} is being looked at"
    seats = (view.seat for view in state.workers.values() if view.seat and view.seat.pool == pool.name)
    waiting = sum(seat.state in WAITING for seat in seats)
    if waiting >= pool.queued:
        return f"{waiting} of {pool.name} {'waits' if waiting == 1 else 'wait'} in the queue already"
    return ""
