"""What goes first, and how much runs at a time."""

from __future__ import annotations

import pytest

from master.core.explaining.causes import Cause, Why
from master.core.explaining.explain import explain
from master.core.planning.resources import NO_RESOURCES
from master.core.running.lifecycle import State
from master.core.running.orders.order import SetAtOnce, SetNotify, SetPriority
from master.core.running.policy import Policy
from tests.unit.master.core.running.orders.giving import give
from tests.unit.master.core.running.stage import BASE, Stage, base, job


def three() -> Stage:
    """`a` is on `w1`, `b` and `c` wait."""
    run = Stage(job("a"), job("b"), job("c"), workers=["w1"])
    run.up("w1")
    return run


def done(run: Stage, name: str) -> list[str]:
    run.ended("w1", name, 1)
    return run.home(name, 1)


def test_what_has_a_higher_priority_goes_first() -> None:
    run = three()
    assert give(run, SetPriority(["c"], 5)).done == {"c": "5, was 0"}
    run.ended("w1", "a", 1)
    assert run.stands("c") is State.ASSIGNED


def test_it_holds_after_a_restart_and_can_be_taken_back() -> None:
    run = three()
    give(run, SetPriority(["c", "b"], 5))
    give(run, SetPriority(["b"], 0))
    run.restart()
    assert [run.state.jobs[name].job.resources.priority for name in "bc"] == [0, 5]
    assert run.state.jobs["b"].job.resources is NO_RESOURCES


def test_the_base_model_that_a_job_waits_for_goes_at_least_as_early() -> None:
    run = Stage(job("other"), base(), job("a", needs="x"), workers=["w1"])
    give(run, SetPriority(["a"], 7))
    assert run.state.jobs[BASE].job.resources.priority == 7
    give(run, SetPriority(["a"], 3))
    assert run.state.jobs[BASE].job.resources.priority == 7


def test_what_has_started_or_ended_has_no_priority_any_more() -> None:
    run = three()
    came = give(run, SetPriority(["a", "nowhere"], 5))
    assert came.refused == {
        "a": "has been started: it is assigned on w1",
        "nowhere": "no job `nowhere` in this run",
    }
    done(run, "a")
    assert give(run, SetPriority(["a"], 5)).refused == {"a": "has ended: it is succeeded"}
    assert give(run, SetPriority(["c"], 5, ["pending"])).refused == {"c": "is ready by now"}
    assert give(run, SetPriority(["c"], 10**7)).refused["run"].startswith("knows priorities from")


def test_a_dry_run_changes_nothing() -> None:
    run = three()
    give(run, SetPriority(["c"], 5), dry_run=True)
    give(run, SetAtOnce(0), dry_run=True)
    assert (run.state.jobs["c"].job.resources.priority, run.state.at_once, run.orders) == (0, None, [])


def test_no_more_run_at_a_time_than_ordered_and_what_runs_goes_on() -> None:
    run = Stage(*(job(name) for name in "abcd"), workers=["w1"])
    run.up("w1", slots=2)
    came = give(run, SetAtOnce(1), "others need the GPUs")
    assert came.done == {"run": "1 at a time, was as many at a time as there is room for"}
    assert came.reply.notes == ("2 run now: they finish",)
    done(run, "a")
    assert run.state.counts[State.ASSIGNED] == 1
    assert explain(run.state, "c") == Cause(Why.MOST_RUN, reason="1")


def test_nought_starts_nothing_and_what_lifts_it_starts_again_at_once() -> None:
    run = three()
    give(run, SetAtOnce(0))
    done(run, "a")
    run.restart()
    run.up("w1")
    assert run.state.counts[State.READY] == 2
    assert give(run, SetAtOnce()).lines == ["b assign#1@w1: assigned", "start b#1@w1"]


@pytest.mark.parametrize("most", [None, 9])
def test_how_the_run_was_started_stays_the_most(most: int | None) -> None:
    run = Stage(job("a"), job("b"), workers=["w1"], policy=Policy(max_running=1))
    run.up("w1", slots=2)
    came = give(run, SetAtOnce(most))
    assert came.reply.notes == ("the run was started to run 1 at a time, and that stays so",)
    assert run.stands("b") is State.READY


def test_a_priority_alone_asks_nothing_of_a_machine() -> None:
    run = three()
    give(run, SetPriority(["c"], 5))
    del run.state.workers["w1"]  # as where all have been removed
    run.wait(1.0)
    assert run.stands("c") is State.READY


def test_people_are_told_from_now_on_and_no_address_is_remembered() -> None:
    run = Stage(job(), workers=["w1"])
    came = give(run, SetNotify("/home/anna/told"))
    assert came.done == {"run": "tells those in /home/anna/told, until it ends or is stopped"}
    assert "tell-people /home/anna/told" in came.lines
    assert [order.order for order in run.orders] == [SetNotify("/home/anna/told")]
    for wrong in ("ntfys://secret", "told"):
        assert "takes the absolute path" in give(run, SetNotify(wrong)).refused["run"]
    give(run, SetNotify("/other"), dry_run=True)
    assert len(run.orders) == 1
