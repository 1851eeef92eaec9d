"""How many seats of a pool are wanted, and how much of what is ready is for them: pure choices."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from master.core.planning.job_limits import allows
from master.core.planning.resources import Resources
from master.core.running.fleet.seats import Pool, SeatState
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.placing.assigning import attempts_out, most_at_once
from master.core.running.records import RunState

WAITING = frozenset({SeatState.ASKED, SeatState.QUEUED})
"""States in which a seat waits for the engine."""


@dataclass(frozen=True)
class Held:
    """How many seats of a pool have an allocation, or will have one."""

    queued: int
    """Those that wait for the engine."""
    coming: int
    """These, and those whose agent has still to answer."""
    all: int


def more_seats(ready: int, slots: int, held: Held, seats: int, queued: int) -> int:
    """Return how many more seats to ask for.

    `ready` jobs are not begun; a seat runs `slots` at a time; there are at most `seats`, of which at most
    `queued` wait in the queue at once.
    """
    needed = math.ceil(ready / max(1, slots)) - held.coming
    return max(0, min(needed, queued - held.queued, seats - held.all))


def held_by(views: Iterable[WorkerView]) -> Held:
    """Count the seats of a pool that have an allocation, or will have one."""
    seats = [view.seat for view in views if view.seat]
    queued = sum(seat.state in WAITING for seat in seats)
    starting = sum(seat.state is SeatState.RUNS and seat.up_at is None for seat in seats)
    return Held(queued, queued + starting, sum(seat.state is not SeatState.NONE for seat in seats))


def ready_for(state: RunState, pool: Pool, like: WorkerView) -> int:
    """Return how many ready jobs a seat of a pool might run; `like` is one of its seats.

    What a seat is like is known once one was up: until then its labels and limits alone count.
    """
    if state.stopping:
        return 0
    fitting = sum(count for needs, count in state.ready.resources.items() if _suits(needs, pool, like))
    if pool.gpu_bytes and all(pool.gpu_bytes):
        most = max(pool.gpu_bytes)
        fitting -= sum(count for size, count in state.ready.gpu_bytes.items() if size > most)
    allowed = most_at_once(state)
    return max(0, fitting if allowed is None else min(fitting, allowed - attempts_out(state)))


def _suits(needs: Resources, pool: Pool, like: WorkerView) -> bool:
    return (
        needs.labels <= like.labels
        and allows(like.limits, needs.limits)
        and not (pool.slots and (needs.gpus or 0) > len(pool.gpu_bytes))
        and not (like.cores and (needs.cpus or 0) > like.cores)
        and not (like.memory_bytes and (needs.memory or 0) > like.memory_bytes)
    )
