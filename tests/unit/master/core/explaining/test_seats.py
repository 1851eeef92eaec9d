from __future__ import annotations

import pytest

from master.core.explaining.causes import Cause, Hindrance, Obstacle, Why
from master.core.explaining.explain import explain
from master.core.explaining.seats import why_none
from master.core.explaining.workers import Stands, WorkerStanding
from master.core.running import events as ev
from master.view.answers.why import sentence, what_changes_it
from master.view.wording import time_of_day
from tests.unit.master.core.running.seating.pool_stage import HOUR_S, PoolStage
from tests.unit.master.core.running.stage import job

JOBS = tuple(job(f"j{number}") for number in range(5))


def cause(stage: PoolStage, job_id: str = "j0") -> Cause:
    found = explain(stage.state, job_id, stage.at)
    assert found is not None and found.why is Why.NO_ROOM
    return found


def obstacle(stage: PoolStage, name: str = "hpc.1") -> Hindrance:
    return next(each for each in cause(stage, "j4").hindrances if each.worker == name)


def test_a_seat_in_the_queue_is_told_with_the_engines_reason_and_what_it_expects() -> None:
    stage = PoolStage(*JOBS, seats=3)
    stage.asked()
    expected_at = stage.at + HOUR_S
    stage.take(ev.SeatPending(stage.at, "hpc.1", "7", "Resources", expected_at))
    assert sentence(cause(stage), stage.at) == (
        "finds no worker now: hpc.1 waits in the queue and is expected to begin about "
        f"{time_of_day(expected_at, stage.at)}: Resources, "
        "2 have no allocation: 1 of hpc waits in the queue already"
    )
    assert what_changes_it(cause(stage)) == ""


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("hpc.1", Obstacle.STARTING),
        ("hpc.2", Obstacle.QUEUED),
        ("hpc.3", Obstacle.NO_ALLOCATION),
    ],
)
def test_each_seat_is_told_by_how_its_allocation_stands(name: str, what: Obstacle) -> None:
    stage = PoolStage(*JOBS, seats=3)
    stage.asked()
    stage.runs("hpc.1")
    stage.asked()
    assert obstacle(stage, name).obstacle is what


def test_an_allocation_that_is_too_short_for_a_job_is_told() -> None:
    stage = PoolStage(job("j4"), seats=1)
    stage.asked()
    stage.runs(for_s=HOUR_S)
    stage.seat().up_at, stage.at = 0.0, HOUR_S - 300.0
    stage.up("hpc.1")
    assert obstacle(stage) == Hindrance("hpc.1", Obstacle.TOO_LITTLE_TIME, until=stage.seat().ends_at)
    stage.seat().drains = True
    assert obstacle(stage).obstacle is Obstacle.GIVEN_BACK


def test_why_a_seat_asks_for_nothing_is_told() -> None:
    stage = PoolStage(*JOBS, seen=False)
    assert why_none(stage.state, stage.pool) == "hpc is being looked at"
    stage.seen()
    assert why_none(stage.state, stage.pool) == ""
    stage.asked()
    stage.take(ev.SeatRefused(stage.at, "hpc.1", "limit"))
    assert why_none(stage.state, stage.pool) == "gives no allocation: limit"
    stage.take(ev.PoolUnseen(stage.at, "hpc", "no route"))
    assert why_none(stage.state, stage.pool) == "cannot be looked at: no route"


def test_how_seats_stand_is_told_to_who_asks() -> None:
    stage = PoolStage(*JOBS, seats=3)
    stage.asked()
    stage.lent("hpc.1")
    stage.asked()
    stage.pends("hpc.2", "Priority")
    told = {name: WorkerStanding.of(view) for name, view in stage.state.workers.items()}
    assert [each.stands for each in told.values()] == [Stands.UP, Stands.QUEUED, Stands.NO_ALLOCATION]
    assert told["hpc.2"].reason == "Priority"
