"""Base models that start from others: what happens to one counts for all that stand below it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from master.core.planning.plan import Job, arranged, base_model_job_id, planned_savings
from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.orders.of_jobs import SetPriority
from master.core.running.policy import Policy
from master.core.running.summary import base_model_rows, savings
from tests.unit.master.core.running.orders.giving import cancel, give, retry
from tests.unit.master.core.running.orders.test_adding import add
from tests.unit.master.core.running.stage import Stage, base, job

ROOT, MIDDLE = base_model_job_id("root"), base_model_job_id("middle")
NO_RETRIES = Policy(retries=0, lease_s=300.0)


def child(spec: str, parent: str) -> Job:
    return replace(base(spec), needs=parent)


LINE = (base("root"), child("middle", "root"), job("leaf", "middle"))


def home(run: Stage, job_id: str, attempt: int, content: str = "") -> list[str]:
    return run.tell(ev.Collected(run.at, job_id, attempt, content or f"{job_id}#{attempt}"))


def train(run: Stage, worker: str, job_id: str, attempt: int) -> None:
    run.run_on(worker, job_id, attempt)
    run.ended(worker, job_id, attempt)
    home(run, job_id, attempt)


def failed() -> Stage:
    """The root of three has failed for good, with what is below it."""
    run = Stage(*LINE, workers=["w1"], policy=NO_RETRIES)
    run.up("w1")
    run.run_on("w1", ROOT, 1)
    run.ended("w1", ROOT, 1, "failed")
    return run


def test_each_starts_from_the_one_before() -> None:
    run = Stage(*LINE, workers=["w1"])
    run.up("w1")
    train(run, "w1", ROOT, 1)
    assert run.state.jobs[MIDDLE].base == f"{ROOT}#1"
    train(run, "w1", MIDDLE, 1)
    assert run.state.jobs["leaf"].base == f"{MIDDLE}#1"
    train(run, "w1", "leaf", 1)
    assert run.state.finished


def test_a_root_that_failed_blocks_all_below_it_by_its_name() -> None:
    run = failed()
    assert [run.stands(each) for each in (MIDDLE, "leaf")] == [State.BLOCKED] * 2
    assert run.state.jobs["leaf"].note == "its base model root failed"
    assert run.state.finished


def test_another_start_tries_the_root_and_blocks_nothing_before_that() -> None:
    run = failed()
    run.restart()
    assert [run.stands(each) for each in (ROOT, MIDDLE, "leaf")] == [State.READY, *[State.PENDING] * 2]


def test_a_cancelled_root_stays_so_over_a_restart_and_so_does_what_it_blocks() -> None:
    run = Stage(*LINE, workers=["w1"])
    assert cancel(run, ROOT).done == {
        ROOT: f"was ready; blocks 2 jobs that start from it ({MIDDLE}, leaf)",
    }
    run.restart(*LINE, job("another", "middle"))
    assert [run.stands(each) for each in (ROOT, MIDDLE, "leaf")] == [State.CANCELLED, *[State.BLOCKED] * 2]
    run.up("w1")
    assert run.stands("another") is State.BLOCKED


def test_a_retry_of_the_root_frees_the_tree_and_one_of_a_leaf_names_the_root() -> None:
    run = Stage(*LINE, job("open"), workers=["w1"])
    cancel(run, ROOT)
    (refused,) = retry(run, "leaf").refused.values()
    assert refused == f"starts from a base model whose training was cancelled: twophase retry {ROOT}"
    assert retry(run, ROOT, "leaf").done.keys() == {ROOT, "leaf"}
    assert [run.stands(each) for each in (ROOT, MIDDLE, "leaf")] == [State.READY, *[State.PENDING] * 2]


def test_a_success_that_comes_home_late_frees_the_tree() -> None:
    run = Stage(*LINE, workers=["w1"])
    run.up("w1")
    run.run_on("w1", ROOT, 1)
    run.lost("w1")
    record = run.state.jobs[ROOT]
    record.note_success()
    cancel(run, ROOT)
    assert run.stands("leaf") is State.BLOCKED
    home(run, ROOT, 1)
    assert [run.stands(each) for each in (ROOT, MIDDLE, "leaf")] == [
        State.SUCCEEDED,
        State.READY,
        State.PENDING,
    ]


def test_a_damaged_child_is_trained_again_from_a_parent_that_is_trained_first() -> None:
    plan = arranged({"root": base("root"), "middle": LINE[1]}, [LINE[2]], {"middle": "m#0"})
    run = Stage(*plan.jobs, in_store={"middle": "m#0"}, workers=["w1"])
    run.state.plan = plan
    run.tell(ev.BaseModelDamaged(run.at, "middle"))
    assert [run.stands(each) for each in (ROOT, MIDDLE, "leaf")] == [State.READY, *[State.PENDING] * 2]
    run.up("w1")
    train(run, "w1", ROOT, 1)
    assert run.stands(MIDDLE) is State.ASSIGNED


def test_ancestors_that_nothing_needs_count_as_saved_and_are_listed_once_they_are_trained() -> None:
    plan = arranged({"root": base("root"), "middle": LINE[1]}, [LINE[2], job("b", "middle")], {"middle": "m"})
    run = Stage(*plan.jobs, in_store={"middle": "m"}, workers=["w1"])
    run.state.plan = plan
    rows = base_model_rows(run.state)
    assert [(row.spec_hash, row.depth, row.jobs) for row in rows] == [("middle", 0, 2)]
    assert savings(rows).trainings == planned_savings(plan) == 4
    run.tell(ev.BaseModelDamaged(run.at, "middle"))
    run.up("w1")
    train(run, "w1", ROOT, 1)
    train(run, "w1", MIDDLE, 1)
    rows = base_model_rows(run.state)
    assert [(row.spec_hash, row.depth, row.jobs) for row in rows] == [("root", 0, 2), ("middle", 1, 2)]
    assert savings(rows).trainings == 4 - 2


def test_a_damaged_parent_takes_its_children_back_and_no_grandchildren() -> None:
    run = Stage(*LINE, workers=["w1"])
    run.up("w1")
    train(run, "w1", ROOT, 1)
    lines = run.tell(ev.BaseModelDamaged(run.at, "root"))
    assert f"withdraw {MIDDLE}#1@w1" in lines and f"{ROOT} redo#1@w1: ready" in lines
    run.ended("w1", MIDDLE, 1, "cancelled")
    assert run.stands(MIDDLE) is State.PENDING and run.stands("leaf") is State.PENDING


def test_what_a_store_has_lost_is_trained_again_from_the_top() -> None:
    run = Stage(*LINE, workers=["w1"])
    run.up("w1")
    train(run, "w1", ROOT, 1)
    train(run, "w1", MIDDLE, 1)
    run.restart()
    assert [run.stands(each) for each in (ROOT, MIDDLE)] == [State.READY, State.PENDING]


def test_a_whole_grandchild_needs_nothing_that_a_store_has_lost() -> None:
    run = Stage(*LINE, workers=["w1"])
    run.up("w1")
    train(run, "w1", ROOT, 1)
    train(run, "w1", MIDDLE, 1)
    run.restart(in_store={"middle": f"{MIDDLE}#1"})
    assert run.stands(ROOT) is State.SUCCEEDED and run.stands(MIDDLE) is State.SUCCEEDED


def test_who_holds_the_parent_trains_the_child() -> None:
    run = Stage(*LINE)
    run.up("w1")
    train(run, "w1", ROOT, 1)
    assert run.state.jobs[MIDDLE].worker == "w1"
    again = Stage(*LINE)
    again.up("w1", slots=2)
    again.run_on("w1", ROOT, 1)
    again.ended("w1", ROOT, 1)
    again.up("w2", slots=8)
    home(again, ROOT, 1)
    assert again.state.jobs[MIDDLE].worker == "w1"


def test_another_trains_the_child_where_the_holder_has_no_room() -> None:
    run = Stage(*LINE, job("other"))
    run.up("w1")
    run.run_on("w1", ROOT, 1)
    run.ended("w1", ROOT, 1)
    run.run_on("w1", "other", 1)
    run.up("w2")
    home(run, ROOT, 1)
    assert run.state.jobs[MIDDLE].worker == "w2"


def test_a_child_that_the_holder_of_its_parent_does_not_get_to_goes_to_another() -> None:
    run = Stage(*LINE, job("other"))
    run.up("w1")
    run.run_on("w1", ROOT, 1)
    run.ended("w1", ROOT, 1, duration_s=0.05)  # so short that it is given more than it has slots
    home(run, ROOT, 1)
    run.run_on("w1", "other", 1)
    run.up("w2")
    run.wait(6)
    assert f"withdraw {MIDDLE}#1@w1" in run.wait(6)
    run.ended("w1", MIDDLE, 1, "cancelled")
    assert run.state.jobs[MIDDLE].worker == "w2"


def test_a_preferred_leaf_takes_its_ancestors_along() -> None:
    run = Stage(*LINE, workers=["w1"])
    give(run, SetPriority(["leaf"], 3))
    assert {run.state.jobs[each].job.resources.priority for each in (ROOT, MIDDLE, "leaf")} == {3}


def test_jobs_that_are_added_bring_the_ancestors_that_the_run_lacks() -> None:
    run = Stage(job("old"), workers=["w1"])
    plan = (*LINE, job("other", "elsewhere"))
    _, says = add(run, *plan)
    assert says["leaf"] == "is added; its base model middle is trained first"
    assert [run.stands(each) for each in (ROOT, MIDDLE, "leaf")] == [State.READY, *[State.PENDING] * 2]


def test_a_job_that_is_added_has_what_the_store_has_lost_trained_again_from_the_top() -> None:
    run = Stage(*LINE, workers=["w1"], policy=Policy(stands=True))
    run.up("w1")
    for job_id in (ROOT, MIDDLE, "leaf"):
        train(run, "w1", job_id, 1)
    run.restart()
    assert not run.state.open_jobs and not run.state.home
    _, says = add(run, *LINE[:2], job("late", "middle"))
    assert says["late"] == "is added; its base model middle, no longer in the store, is trained first"
    assert [run.stands(each) for each in (ROOT, MIDDLE, "late")] == [State.READY, *[State.PENDING] * 2]
    run.up("w1")
    train(run, "w1", ROOT, 2)
    train(run, "w1", MIDDLE, 2)
    assert run.state.jobs["late"].base == f"{MIDDLE}#2"


def test_a_job_that_is_added_below_a_blocked_base_model_is_told_which_to_retry() -> None:
    run = Stage(*LINE, job("open"), workers=["w1"])
    cancel(run, ROOT)
    _, says = add(run, *LINE[:2], job("late", "middle"))
    assert says["late"].endswith("the training of its base model has ended in vain: twophase retry root")
    assert run.stands("late") is State.BLOCKED


@pytest.mark.parametrize("strict", [False, True])
def test_strict_phases_wait_for_every_generation(strict: bool) -> None:
    run = Stage(
        *LINE, base("alone"), job("quick", "alone"), workers=["w1"], policy=Policy(strict_phases=strict)
    )
    run.up("w1", slots=3)
    train(run, "w1", base_model_job_id("alone"), 1)
    assert run.stands("quick") is (State.PENDING if strict else State.ASSIGNED)
