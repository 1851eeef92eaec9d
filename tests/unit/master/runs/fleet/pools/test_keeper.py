from __future__ import annotations

from queue import SimpleQueue

import pytest

from master.adapters.allocators.allocator import Allocation, AllocationRefused, AllocationState
from master.adapters.inbox import Inbox, Received
from master.core.running import events as ev
from master.runs.fleet.pools.keeper import DOUBTED_S, Keeper
from master.specs import PoolSpec, ServerSpec
from tests.support.fake_allocator import FakeAllocator, FakeEngine

POOL = PoolSpec("hpc", ServerSpec("login1", "login1"), seats=3, time_s=3600.0)


class Closable(FakeAllocator):
    """An allocator whose closing is remembered."""

    closed = False

    def close(self) -> None:
        self.closed = True


class World:
    """A keeper, the engine that it asks, and what it tells."""

    def __init__(self, engine: FakeEngine | None = None) -> None:
        self.now = 0.0
        self.inbox: Inbox = SimpleQueue()
        self.engine = engine or FakeEngine(now=lambda: self.now)
        self.allocator = Closable(self.engine, "run")
        self.keeper = Keeper(POOL, self.allocator, self.inbox, clock=lambda: self.now)

    def told(self) -> list[ev.Event]:
        found = []
        while not self.inbox.empty():
            item = self.inbox.get()
            assert isinstance(item, Received)
            assert item.worker == getattr(item.event, "worker", "")
            found.append(item.event)
        return found

    def submit(self, seat: str = "hpc.1") -> list[ev.Event]:
        self.keeper.submit_now(seat)
        return self.told()

    def look(self, after_s: float = 30.0) -> list[ev.Event]:
        self.now += after_s
        self.keeper.look_now()
        return self.told()

    def left(self) -> list[str]:
        """Return the ids of the allocations that have not ended."""
        jobs = self.engine.jobs.items()
        return [number for number, (_, job) in jobs if job.state is not AllocationState.GONE]


def test_a_submission_and_what_becomes_of_it_are_told() -> None:
    world = World()
    assert world.submit() == [ev.SeatPending(0.0, "hpc.1", "1")]
    running = ev.SeatRunning(30.0, "hpc.1", "1", 3630.0, "n1")
    assert world.look() == [running, ev.PoolSeen(30.0, "hpc")]
    found = world.keeper.allocation("hpc.1")
    assert found and (found.state, found.node) == (AllocationState.RUNNING, "n1")
    assert world.keeper.allocation("hpc.2") is None


def test_why_one_waits_is_told_with_each_look() -> None:
    world = World(FakeEngine(nodes=()))
    world.submit()
    for at in (30.0, 60.0):
        assert world.look() == [ev.SeatPending(at, "hpc.1", "1", "Resources"), ev.PoolSeen(at, "hpc")]


def test_one_that_has_ended_is_told_once() -> None:
    world = World()
    world.submit()
    world.look()
    world.engine.end("1", "PREEMPTED")
    assert world.look() == [ev.SeatEnded(60.0, "hpc.1", "PREEMPTED"), ev.PoolSeen(60.0, "hpc")]
    assert world.look() == [ev.PoolSeen(90.0, "hpc")]


def test_the_end_of_an_earlier_one_says_nothing_of_the_next() -> None:
    world = World()
    world.submit()
    world.look()
    world.engine.end("1")
    world.look()
    world.submit()
    before = world.engine.jobs.pop("2")
    assert world.look() == [ev.PoolSeen(90.0, "hpc")]
    world.engine.jobs["2"] = before
    assert isinstance(world.look()[0], ev.SeatRunning)


def test_one_that_is_not_named_any_more_has_ended() -> None:
    world = World()
    world.submit()
    world.look()
    world.engine.forget("1")
    assert world.look() == [
        ev.SeatEnded(60.0, "hpc.1", "the queue does not name it any more"),
        ev.PoolSeen(60.0, "hpc"),
    ]


def test_an_engine_that_does_not_answer_ends_nothing() -> None:
    world = World()
    world.submit()
    world.look()
    world.engine.is_away = True
    (told,) = world.look()
    assert isinstance(told, ev.PoolUnseen) and told.pool == "hpc"
    assert world.keeper.allocation("hpc.1") is not None
    world.engine.is_away = False
    assert len(world.look()) == 2


def test_a_refusal_is_told_in_its_words() -> None:
    world = World()
    world.engine.refusal = AllocationRefused("hpc", "the partition is not there", "name another")
    (told,) = world.submit()
    assert told == ev.SeatRefused(0.0, "hpc.1", "the partition is not there; name another", passing=False)


def test_of_a_submission_that_may_have_come_through_the_looks_tell() -> None:
    world = World()
    world.engine.is_away = True
    (told,) = world.submit()
    assert isinstance(told, ev.PoolUnseen)
    world.engine.is_away = False
    world.engine.jobs["9"] = "run", Allocation("hpc.1", "9", AllocationState.RUNNING, node="n1")
    assert world.look()[0] == ev.SeatRunning(30.0, "hpc.1", "9", None, "n1")


def test_one_that_has_not_come_through_is_believed_lost_after_a_while() -> None:
    world = World()
    world.engine.is_away = True
    world.submit()
    world.engine.is_away = False
    assert world.look(DOUBTED_S - 1.0) == [ev.PoolSeen(DOUBTED_S - 1.0, "hpc")]
    assert world.look(1.0)[0] == ev.SeatEnded(DOUBTED_S, "hpc.1", "it could not be submitted")
    assert world.look(DOUBTED_S) == [ev.PoolSeen(2 * DOUBTED_S, "hpc")]


def test_a_second_start_takes_over_what_the_first_has_left_and_submits_nothing() -> None:
    first = World()
    first.submit("hpc.1")
    first.submit("hpc.2")
    first.engine.schedule()
    second = World(first.engine)
    seats = [each.worker for each in second.look() if isinstance(each, ev.SeatRunning)]
    assert seats == ["hpc.1", "hpc.2"]
    assert first.engine.submissions == ["hpc.1", "hpc.2"]


def test_one_is_given_back_by_its_id_or_by_what_is_known_of_the_seat() -> None:
    world = World()
    world.submit("hpc.1")
    world.submit("hpc.2")
    world.keeper.cancel_now("hpc.1", "1")
    world.keeper.cancel_now("hpc.2", "")
    world.keeper.cancel_now("hpc.3", "")
    assert world.told() == []
    ended = [each.worker for each in world.look() if isinstance(each, ev.SeatEnded)]
    assert ended == ["hpc.1", "hpc.2"]


def test_at_the_end_of_a_run_all_are_given_back_those_too_of_which_it_knew_nothing() -> None:
    world = World()
    world.submit("hpc.1")
    world.engine.jobs["9"] = "run", Allocation("hpc.2", "9", AllocationState.QUEUED)
    world.engine.jobs["10"] = "other run", Allocation("hpc.1", "10", AllocationState.QUEUED)
    world.keeper.begin_close(gives_back=True)
    world.keeper.start()
    world.keeper.join()
    assert world.left() == ["10"]
    assert world.allocator.closed and world.keeper.problems == []


def test_a_master_that_fails_leaves_them_for_the_next() -> None:
    world = World()
    world.submit("hpc.1")
    world.keeper.begin_close(gives_back=False)
    world.keeper.start()
    world.keeper.join()
    assert world.left() == ["1"] and world.allocator.closed


@pytest.mark.parametrize("known", [True, False])
def test_what_cannot_be_given_back_is_told_with_the_command_that_does(known: bool) -> None:
    world = World()
    if known:
        world.submit("hpc.1")
    world.engine.is_away = True
    world.keeper.give_all_back()
    advice = "`scancel 1` there ends them" if known else "`squeue --me` there lists them"
    assert advice in world.keeper.problems[0] and "on login1" in world.keeper.problems[0]


def test_one_that_may_still_come_through_when_all_is_over_is_told() -> None:
    world = World()
    world.engine.is_away = True
    world.submit()
    world.engine.is_away = False
    world.keeper.give_all_back()
    assert "nobody knows whether one for hpc.1 comes through" in world.keeper.problems[0]
    assert "`squeue --me` there lists them" in world.keeper.problems[0]


def test_one_that_comes_through_after_it_was_believed_lost_and_repeated_is_given_back() -> None:
    world = World(FakeEngine(nodes=("n1", "n2"), now=lambda: world.now))
    world.engine.is_away = True
    world.submit()
    world.engine.is_away = False
    world.look(DOUBTED_S)
    assert world.submit() == [ev.SeatPending(DOUBTED_S, "hpc.1", "1")]
    world.look()
    world.engine.take("run", "hpc.1")
    assert world.look()[0] == ev.SeatRunning(DOUBTED_S + 60.0, "hpc.1", "1", DOUBTED_S + 3630.0, "n1")
    assert world.left() == ["1"]


def test_what_is_not_of_the_pool_is_passed_over() -> None:
    world = World()
    world.engine.jobs["9"] = "run", Allocation("other.1", "9", AllocationState.QUEUED)
    assert world.look() == [ev.PoolSeen(30.0, "hpc")]


def test_a_defect_ends_no_thread_that_others_wait_for(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()

    def look() -> dict[str, Allocation]:
        raise KeyError("what nobody thought of")

    monkeypatch.setattr(world.allocator, "look", look)
    assert world.look() == [ev.PoolUnseen(30.0, "hpc", "'what nobody thought of'")]
