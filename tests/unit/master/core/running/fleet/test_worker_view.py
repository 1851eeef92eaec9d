"""What is known of a worker, and how much room it has."""

from __future__ import annotations

from master.core.running.fleet.worker_view import WorkerView


def test_a_worker_has_room_for_what_its_attempts_leave() -> None:
    view = WorkerView("w1", up=True, slots=4, held_by_others=1)
    assert view.room(0) == 3
    view.attempts = {("a", 1), ("b", 1)}
    view.claims = {("b", 1): 1.5}
    view.reattached = {("c", 1)}
    assert (view.used, view.room(1)) == (3.5, 0.5)
    view.usable = False
    assert view.room(1) == 0.0
