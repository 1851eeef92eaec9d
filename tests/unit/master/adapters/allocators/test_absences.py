"""An allocation that is not named any more is gone only after a minute of looks that succeed."""

from __future__ import annotations

from master.adapters.allocators.absences import Absences
from master.adapters.allocators.allocator import Allocation, AllocationState

RUNS = Allocation("hpc.1", "7", AllocationState.RUNNING)


def test_what_a_look_finds_is_believed_at_once() -> None:
    assert Absences().seen({"hpc.1": RUNS}, 0.0) == {"hpc.1": RUNS}


def test_what_is_missed_is_believed_to_be_there_for_a_minute() -> None:
    absences = Absences()
    absences.seen({"hpc.1": RUNS}, 0.0)
    assert absences.seen({}, 30.0) == {"hpc.1": RUNS}
    assert absences.seen({}, 89.9) == {"hpc.1": RUNS}
    assert absences.seen({}, 90.0) == {}


def test_what_comes_back_was_never_gone() -> None:
    absences = Absences()
    absences.seen({"hpc.1": RUNS}, 0.0)
    absences.seen({}, 30.0)
    absences.seen({"hpc.1": RUNS}, 60.0)
    assert absences.seen({}, 91.0) == {"hpc.1": RUNS}


def test_a_look_that_fails_begins_the_minute_anew() -> None:
    absences = Absences()
    absences.seen({"hpc.1": RUNS}, 0.0)
    absences.seen({}, 30.0)
    absences.failed()
    assert absences.seen({}, 95.0) == {"hpc.1": RUNS}
    assert absences.seen({}, 155.0) == {}


def test_what_was_just_submitted_is_known_before_any_look() -> None:
    absences = Absences()
    queued = Allocation("hpc.2", "8", AllocationState.QUEUED)
    absences.expect(queued)
    assert absences.seen({}, 5.0) == {"hpc.2": queued}
