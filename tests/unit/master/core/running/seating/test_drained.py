from __future__ import annotations

from master.core.planning.plan import Job
from master.core.running.fleet.seats import Seat, SeatState
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.records import JobRecord
from master.core.running.seating.drained import note_end, use_again
from tests.support.endings import finished


def seat(state: SeatState = SeatState.RUNS) -> tuple[WorkerView, Seat]:
    found = Seat("hpc", state, ends_at=100.0)
    return WorkerView("hpc.1", seat=found), found


def test_after_an_eviction_nothing_more_is_given_until_the_allocation_is_over() -> None:
    view, its_seat = seat()
    note_end(view, its_seat, JobRecord(Job("j", 2)), finished("evicted"), 50.0)
    assert (its_seat.worked, its_seat.drains, view.paused, view.paused_until) == (True, True, True, 3700.0)
    use_again(view, its_seat)
    assert (its_seat.drains, view.paused) == (False, False)


def test_what_is_told_of_an_earlier_allocation_says_nothing_of_this_one() -> None:
    view, its_seat = seat()
    note_end(view, its_seat, None, finished("evicted"), 50.0)
    assert its_seat.worked and not view.paused


def test_other_ends_and_other_pauses_stay_what_they_are() -> None:
    view, its_seat = seat()
    note_end(view, its_seat, JobRecord(Job("j", 2)), finished("failed"), 50.0)
    assert not view.paused
    view.paused, view.paused_until = True, 60.0
    use_again(view, its_seat)
    assert view.paused
