"""Orders of users: answered once the journal has them, and no danger to the run."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from master.adapters.inbox import Asked
from master.core.running import events as ev
from master.core.running.lifecycle import State, Trigger
from master.core.running.orders.order import By, CancelJobs, Ordered, Reply, SetAtOnce
from master.core.running.records import Outbox, RunState
from master.core.running.run_state import step
from master.errors import InternalError, TwophaseError
from master.runs import dispatcher as dispatcher_module
from tests.unit.master.runs.test_dispatcher import World

ORDER = Ordered(0.0, By(1000, "anna", 4711), CancelJobs(["alpha/job0"]))


def test_an_order_is_answered_once_the_journal_has_it() -> None:
    world, reply = World(), Future[Reply]()
    world.dispatcher.begin()
    world.dispatcher.turn([Asked(ORDER, reply)])
    assert world.orders == [ORDER]
    assert [item.name for item in reply.result(0).done] == ["alpha/job0"]
    assert world.said("shown")[-1].trigger is Trigger.USER_CANCEL
    preferred = Future[Reply]()
    world.dispatcher.turn([Asked(Ordered(0.0, ORDER.by, SetAtOnce(1)), preferred)])
    assert (
        world.said("note")[-1]
        == "set-at-once by anna: run (1 at a time, was as many at a time as there is room for)"
    )


def test_nothing_is_answered_where_the_journal_cannot_be_written() -> None:
    world, reply = World(journal_breaks_at=2), Future[Reply]()
    world.dispatcher.begin()
    with pytest.raises(TwophaseError):
        world.dispatcher.turn([Asked(ORDER, reply)])
    assert not reply.done()


def test_an_order_that_nobody_waits_for_any_more_is_not_carried_out() -> None:
    world, reply = World(), Future[Reply]()
    world.dispatcher.begin()
    reply.cancel()
    world.dispatcher.turn([Asked(ORDER, reply)])
    assert world.orders == [] and world.state.jobs["alpha/job0"].state is State.READY


def test_a_defect_in_an_order_ends_no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    world, reply = World(), Future[Reply]()
    world.dispatcher.begin()
    monkeypatch.setattr(dispatcher_module, "step", _broken)
    world.dispatcher.turn([Asked(ORDER, reply)])
    assert isinstance(reply.exception(0), InternalError)


def _broken(state: RunState, event: ev.Event) -> Outbox:
    if isinstance(event, Ordered):
        raise InternalError("a defect")
    return step(state, event)


def test_orders_that_wait_at_the_end_are_not_carried_out() -> None:
    world, first, late = World(jobs=1), Future[Reply](), Future[Reply]()
    order = Ordered(0.0, ORDER.by, CancelJobs(["alpha/job0"]))
    world.inbox.put(Asked(order, first))
    put = world.dispatcher._answer

    def answer_and_ask_again() -> None:
        put()
        world.inbox.put(Asked(order, late))

    world.dispatcher._answer = answer_and_ask_again  # type: ignore[method-assign]
    world.dispatcher.run()
    assert first.result(0).done and late.cancelled()
