from __future__ import annotations

from dataclasses import replace

import pytest

from master.core.planning.resources import Resources
from master.core.running.seating.wanted import Held, held_by, more_seats, ready_for
from tests.unit.master.core.running.seating.pool_stage import PoolStage
from tests.unit.master.core.running.stage import job

NONE = Held(0, 0, 0)


@pytest.mark.parametrize(
    ("ready", "slots", "held", "seats", "queued", "more"),
    [
        (0, 4, NONE, 8, 8, 0),
        (1, 4, NONE, 8, 8, 1),
        (4, 4, NONE, 8, 8, 1),
        (5, 4, NONE, 8, 8, 2),
        (500, 4, NONE, 8, 8, 8),
        (500, 4, NONE, 8, 1, 1),
        (500, 4, Held(1, 1, 5), 8, 1, 0),
        (500, 4, Held(0, 1, 5), 8, 1, 1),
        (500, 4, Held(0, 0, 8), 8, 1, 0),
        (4, 4, Held(0, 1, 1), 8, 8, 0),
        (3, 0, NONE, 8, 8, 3),
    ],
)
def test_seats_are_asked_for_by_what_is_ready(
    ready: int, slots: int, held: Held, seats: int, queued: int, more: int
) -> None:
    assert more_seats(ready, slots, held, seats, queued) == more


def test_what_is_held_is_counted_by_how_far_it_is() -> None:
    stage = PoolStage(*(job(f"j{n}") for n in range(9)), seats=4, queued=4)
    stage.tick()
    stage.pends("hpc.1")
    stage.runs("hpc.2")
    stage.runs("hpc.3")
    stage.up("hpc.3")
    assert held_by(stage.state.workers.values()) == Held(queued=2, coming=3, all=4)


def test_only_what_a_seat_might_run_counts() -> None:
    labelled = replace(job("labelled"), resources=Resources(labels=frozenset({"big"})))
    on_gpus = replace(job("on_gpus"), resources=Resources(gpus=2))
    large = replace(job("large"), gpu_bytes=80 * 10**9)
    stage = PoolStage(job("any"), labelled, on_gpus, large)
    like = stage.state.workers["hpc.1"]
    assert ready_for(stage.state, stage.pool, like) == 3
    stage.pool.slots, stage.pool.gpu_bytes = 1, (40 * 10**9,)
    assert ready_for(stage.state, stage.pool, like) == 1
    stage.state.at_once = 0
    assert ready_for(stage.state, stage.pool, like) == 0


def test_nothing_is_wanted_of_a_run_that_stops() -> None:
    stage = PoolStage(job())
    stage.state.stopping = True
    assert ready_for(stage.state, stage.pool, stage.state.workers["hpc.1"]) == 0
