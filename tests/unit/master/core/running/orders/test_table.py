"""What is done for each kind of order."""

from __future__ import annotations

from master.core.running.orders.order import (
    ORDERS,
    CancelJobs,
    Ordered,
    Reply,
    RetryJobs,
    Said,
    SetAtOnce,
    SetPriority,
)
from master.core.running.orders.table import KINDS, replay, told
from tests.unit.master.core.running.orders.giving import ANNA, cancel
from tests.unit.master.core.running.stage import Stage, job


def test_every_kind_of_order_has_a_row() -> None:
    assert set(KINDS) == set(ORDERS.values())


def test_only_an_order_that_changed_something_is_remembered() -> None:
    run = Stage(job(), job("other"), workers=["w1"])
    cancel(run, "nowhere")
    cancel(run, "job", dry_run=True)
    assert run.orders == []
    cancel(run, "job", "nowhere")
    assert [order.order for order in run.orders] == [CancelJobs(["job"])], "and of it what was done"


def test_those_who_watch_are_told_in_a_line() -> None:
    event = Ordered(0.0, ANNA, CancelJobs(["a", "b"]), "too slow")
    done = Said("a", "was ready"), Said("b", "was running on w1")
    assert told(event, Reply(done)) == "cancel by anna: too slow: a (was ready) and 1 more"
    assert told(event, Reply(done[:1])) == "cancel by anna: too slow: a (was ready)"


def test_orders_about_what_is_there_no_more_are_replayed_without_harm() -> None:
    run = Stage(job())
    given = [CancelJobs(["gone"]), RetryJobs(["gone"]), SetPriority(["gone"], 1), SetAtOnce()]
    replay(run.state, [Ordered(0.0, ANNA, order) for order in given])
    assert list(run.state.jobs) == ["job"]
