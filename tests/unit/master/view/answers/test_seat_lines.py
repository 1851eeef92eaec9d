from __future__ import annotations

from datetime import datetime

import pytest

from master.core.planning.plan import Plan
from master.core.running.fleet.seats import Pool, Seat, SeatState
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.view.answers.seat_lines import pool_lines, waiting_text
from master.view.panels import troubled_workers

AT = datetime(2026, 5, 4, 12, 0).timestamp()
LATER = datetime(2026, 5, 4, 14, 5).timestamp()


def view(state: SeatState, reason: str = "", **more: float) -> WorkerView:
    seat = Seat("hpc", state, "7", "Resources" if state is SeatState.QUEUED else "", **more)  # type: ignore[arg-type]
    return WorkerView("hpc.1", seat=seat, reason=reason)


@pytest.mark.parametrize(
    ("of", "says"),
    [
        (view(SeatState.QUEUED), "waits in the queue: Resources"),
        (view(SeatState.QUEUED, expected_at=LATER), "waits in the queue: Resources, expected 14:05"),
        (view(SeatState.ASKED), "asks for an allocation"),
        (view(SeatState.RUNS), "allocation 7 runs, its agent is being connected"),
        (view(SeatState.RUNS, "broken pipe"), ""),
        (view(SeatState.ENDING), "its allocation is given back"),
        (WorkerView("lab1"), ""),
    ],
)
def test_how_an_allocation_stands_is_said(of: WorkerView, says: str) -> None:
    assert waiting_text(of, AT) == says


def state() -> RunState:
    made = RunState.fresh(Plan((), {}), Policy(), ["hpc.1", "hpc.2", "hpc.3"])
    made.pools["hpc"] = Pool("hpc", 3, 3600.0, 300.0)
    for name in made.workers:
        made.workers[name].seat = Seat("hpc")
    made.workers["hpc.1"].seat = Seat("hpc", SeatState.QUEUED, "7", "Priority")
    return made


def test_seats_that_rest_are_no_trouble_and_one_that_waits_is_shown() -> None:
    made = state()
    assert [line.plain for line in troubled_workers(made, 9, AT)] == ["hpc.1: waits in the queue: Priority"]


def test_why_a_pool_lends_nothing_is_shown_once() -> None:
    made = state()
    made.pools["hpc"].refusal = "no such partition"
    says = "hpc: 2 seats without allocation: gives no allocation: no such partition"
    assert list(pool_lines(made)) == [says]
    assert [line.plain for line in troubled_workers(made, 9, AT)][-1] == says
