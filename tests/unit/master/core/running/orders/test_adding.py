"""Jobs that users add to a run."""

from __future__ import annotations

from collections.abc import Sequence

from master.core.planning.plan import Job, Plan
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.orders.of_jobs import AddJobs
from master.core.running.orders.order import Ordered
from master.core.running.orders.retrying import STOPPING
from master.core.running.records import Outbox
from tests.unit.master.core.running.orders.giving import cancel
from tests.unit.master.core.running.stage import ANNA, BASE, Stage, base, job

ORDER = AddJobs("/more.json")


def add(
    run: Stage, *jobs: Job, in_store: dict[str, str] | None = None, dry_run: bool = False
) -> tuple[Outbox, dict[str, str]]:
    """Add jobs; return what came of it, and what is said of each."""
    plan = Plan(jobs, in_store or {})
    out = run.take(Ordered(run.at, ANNA, ORDER, dry_run=dry_run, plan=plan))
    assert out.reply
    return out, {item.name: item.says for item in (*out.reply.done, *out.reply.refused)}


def taken(out: Outbox) -> list[Sequence[str]]:
    return [command.jobs for command in out.commands if isinstance(command, cmd.TakeJobs)]


def one() -> Stage:
    """`old` is on `w1`, the only worker."""
    run = Stage(job("old"), workers=["w1"])
    run.up("w1")
    return run


def test_a_job_is_added_and_runs_when_its_turn_comes() -> None:
    run = one()
    out, says = add(run, job("new"))
    assert (says, taken(out)) == ({"new": "is added"}, [("new",)])
    assert out.orders and run.stands("new") is State.READY
    run.ended("w1", "old", 1)
    assert run.stands("new") is State.ASSIGNED
    assert run.home("old", 1)[-1:] != ["finish 0"], "the run is not over without it"


def test_it_can_be_launched_before_it_is_given_out() -> None:
    run = one()
    run.up("w1", slots=2)
    out, _ = add(run, job("new"))
    kinds = [type(command) for command in out.commands]
    assert kinds.index(cmd.TakeJobs) < kinds.index(cmd.StartAttempt)


def test_a_base_model_that_is_new_is_trained_first_and_one_of_the_run_is_used() -> None:
    run = Stage(base(), job("old", needs="x"), workers=["w1"])
    out, says = add(run, base(), base("y"), job("a", needs="x"), job("b", needs="y"))
    assert says == {
        "a": "is added; it starts from base model x of the run",
        "b": "is added; its base model y is trained first",
    }
    assert taken(out) == [("base_models/y", "a", "b")]
    assert run.state.dependents == {"x": ["old", "a"], "y": ["b"]}
    assert run.state.plan.to_train == ("x", "y")


def test_a_base_model_that_is_home_is_started_from_at_once() -> None:
    run = Stage(job("old"), workers=["w1"])
    _, says = add(run, job("a", needs="x"), in_store={"x": "content", "z": "of no job"})
    assert (run.stands("a"), run.state.home) == (State.READY, {"x": "content"})
    assert says["a"].startswith("is added; it starts from base model x")


def test_what_starts_from_a_base_model_that_was_cancelled_is_blocked_and_says_so() -> None:
    run = Stage(base(), job("a", needs="x"), job("c"), workers=["w1"])
    cancel(run, BASE)
    _, says = add(run, job("b", needs="x"))
    assert says == {
        "b": "is added, and blocked: the training of its base model has ended in vain: twophase retry x"
    }
    assert run.stands("b") is State.BLOCKED


def test_twice_adds_nothing() -> None:
    run = one()
    add(run, job("new"))
    out, says = add(run, job("new"))
    assert says == {"new": "is in this run already"}
    assert (taken(out), len(run.orders), len(run.state.plan.jobs)) == ([], 1, 2)


def test_a_dry_run_adds_nothing() -> None:
    run = one()
    out, says = add(run, job("new"), dry_run=True)
    assert (says, taken(out)) == ({"new": "is added"}, [])
    assert "new" not in run.state.jobs and run.orders == []


def test_a_run_that_stops_takes_them_for_its_next_start() -> None:
    run = one()
    run.tell(ev.StopRequested(run.at))
    out, _ = add(run, job("new"))
    assert out.reply and out.reply.notes == (STOPPING,)
    run.restart(job("old"), job("new"))
    assert run.stands("new") is State.READY
