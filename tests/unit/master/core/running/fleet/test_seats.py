from __future__ import annotations

from master.core.running.fleet.seats import Seat, SeatState
from master.core.running.fleet.worker_view import WorkerView


def test_a_seat_that_has_no_allocation_any_more_knows_nothing_of_one() -> None:
    seat = Seat("hpc", SeatState.RUNS, "7", "", None, 900.0, "n1", 100.0, 110.0, True, 200.0)
    seat.turn(SeatState.RUNS, 300.0)
    assert (seat.since, seat.ends_at) == (100.0, 900.0)
    seat.turn(SeatState.NONE, 300.0)
    assert seat == Seat("hpc", since=300.0)


def test_an_allocation_has_begun_from_its_beginning_to_its_end() -> None:
    begun = [state for state in SeatState if Seat("hpc", state).has_begun]
    assert begun == [SeatState.RUNS, SeatState.ENDING]


def test_nobody_misses_a_seat_whose_allocation_is_to_come() -> None:
    view = WorkerView("hpc.1", seat=Seat("hpc", SeatState.QUEUED))
    assert not view.is_silent and not view.is_unused
    view.collecting.add(("job", 1))
    assert view.is_silent
    view = WorkerView("hpc.1", seat=Seat("hpc", SeatState.RUNS))
    assert view.is_silent
    view.up = True
    assert not view.is_silent
    assert WorkerView("lab1").is_silent and not WorkerView("lab1").is_unused
    assert WorkerView("hpc.1", seat=Seat("hpc")).is_unused
