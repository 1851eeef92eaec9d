from __future__ import annotations

import pytest

from master.core.planning.plan import Plan
from master.core.running import events as ev
from master.core.running.fleet.seats import Pool, Seat, SeatState
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.runs.dispatcher import news_of
from master.runs.fleet.pools.news import OfSeat, news_of_seat, troubles

PENDING = ev.SeatPending(0.0, "hpc.1", "7", "Priority")
RUNNING = ev.SeatRunning(0.0, "hpc.1", "7", 3600.0, "n1")
ENDED = ev.SeatEnded(0.0, "hpc.1", "PREEMPTED")


@pytest.mark.parametrize(
    ("event", "state", "says"),
    [
        (PENDING, SeatState.ASKED, "hpc.1: allocation 7 waits in the queue"),
        (PENDING, SeatState.QUEUED, ""),
        (RUNNING, SeatState.QUEUED, "hpc.1: allocation 7 runs on n1"),
        (RUNNING, SeatState.RUNS, ""),
        (RUNNING, SeatState.ENDING, ""),
        (ENDED, SeatState.RUNS, "hpc.1: its allocation is over: PREEMPTED"),
        (ev.SeatEnded(0.0, "hpc.1"), SeatState.QUEUED, "hpc.1: its allocation is over"),
        (ENDED, SeatState.NONE, ""),
    ],
)
def test_what_is_new_of_a_seat_is_said_once(event: OfSeat, state: SeatState, says: str) -> None:
    assert news_of_seat(event, Seat("hpc", state)) == says
    assert news_of_seat(event, None) == ""


def test_why_nothing_can_be_used_is_said_once_for_a_pool() -> None:
    state = RunState.fresh(Plan((), {}), Policy(), ["lab1", "hpc.1", "hpc.2"])
    state.pools["hpc"] = Pool("hpc", 2, 3600.0, 300.0, refusal="no such partition")
    for name in ("hpc.1", "hpc.2"):
        state.workers[name].seat = Seat("hpc")
    state.workers["lab1"].reason, state.workers["hpc.2"].reason = "no route to host", "no Python there"
    assert list(troubles(state)) == [
        "lab1: no route to host",
        "hpc.2: no Python there",
        "hpc: gives no allocation: no such partition",
    ]


@pytest.mark.parametrize("state", SeatState)
def test_a_link_that_fails_is_no_news_once_the_allocation_is_over(state: SeatState) -> None:
    run = RunState.fresh(Plan((), {}), Policy(), ["lab1", "hpc.1"])
    run.workers["hpc.1"].seat = Seat("hpc", state)
    lost = ev.WorkerLost(0.0, "hpc.1", "srun: error")
    said = "hpc.1: not connected, will try again: srun: error" if state is SeatState.RUNS else ""
    assert news_of(lost, run.workers) == said
    assert "will try again" in news_of(ev.WorkerLost(0.0, "lab1", "no route"), run.workers)
