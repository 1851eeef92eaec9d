"""The emptiest worker is filled first; one that nothing is ready for rests a while."""

from __future__ import annotations

from master.core.running.placing.free_workers import FreeWorkers


def free(**used: int) -> FreeWorkers:
    workers = FreeWorkers(lambda name: (float(used[name]), ord(name)) if used[name] < 9 else None)
    for name in used:
        workers.add(name)
    return workers


def test_who_has_no_room_is_not_among_them() -> None:
    workers = free(a=9, b=3, c=1)
    assert workers.emptiest() == "c"
    workers.rest("c")
    workers.rest("b")
    assert workers.emptiest() is None


def test_who_rests_is_back_when_something_changes() -> None:
    workers = free(a=1, b=2)
    workers.rest("a")
    assert workers.emptiest() == "b"
    workers.add("a")
    assert workers.emptiest() == "a"
    workers.rest("a")
    workers.look_at(1)
    assert workers.emptiest() == "a"
    workers.rest("a")
    workers.look_at(1)
    assert workers.emptiest() == "b"
    workers.wake()
    assert workers.emptiest() == "a"


def test_nobody_is_looked_for_where_none_has_room_and_nothing_else_is_ready() -> None:
    workers = free(a=9, b=2)
    assert not workers.are_none(0), "b has room"
    workers.rest("b")
    assert workers.are_none(0) and not workers.are_none(1), "another job may be for b"
    workers.look_at(1)
    assert not workers.are_none(1) and workers.emptiest() == "b"
