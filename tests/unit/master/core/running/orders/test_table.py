"""What is done for each kind of order."""

from __future__ import annotations

from typing import Any

import pytest

from master.core.running.orders.of_workers import (
    DrainWorkers,
    PauseWorkers,
    RemoveWorkers,
    ResumeWorkers,
    SetSlots,
)
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
from tests.unit.master.core.running.orders.giving import cancel, give
from tests.unit.master.core.running.stage import ANNA, Stage, job


def test_every_kind_of_order_has_a_row() -> None:
    assert set(KINDS) == set(ORDERS.values())


def test_only_an_order_that_changed_something_is_remembered() -> None:
    run = Stage(job(), job("other"), workers=["w1"])
    cancel(run, "nowhere")
    cancel(run, "job", dry_run=True)
    assert run.orders == []
    cancel(run, "job", "nowhere")
    assert [order.order for order in run.orders] == [CancelJobs(["job"])], "and of it what was done"


@pytest.mark.parametrize("kind", [PauseWorkers, DrainWorkers, ResumeWorkers, SetSlots, RemoveWorkers])
def test_of_an_order_about_workers_what_was_refused_is_not_remembered(kind: type[Any]) -> None:
    run = Stage(job(), workers=["w1"])
    run.order(PauseWorkers(["w1"]))
    give(run, kind(["w1", "not-yet-there"]))
    assert run.orders[-1].order == kind(["w1"]), "a worker of that name may come with the next start"


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
