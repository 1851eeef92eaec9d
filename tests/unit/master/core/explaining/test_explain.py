"""Each cause, in the smallest run that has it."""

from __future__ import annotations

from dataclasses import replace

from master.core.explaining.causes import Cause, Hindrance, Obstacle, Why
from master.core.explaining.explain import explain, speaks_for_all
from master.core.planning.resources import Resources
from master.core.running import events as ev
from master.core.running.orders.of_workers import DrainWorkers, PauseWorkers, RemoveWorkers, SetSlots
from master.core.running.policy import Policy
from tests.unit.master.core.running.stage import (
    BASE,
    LEASE_S,
    Stage,
    base,
    job,
    one_running,
    one_running_alone,
)


def why(run: Stage, job_id: str = "job") -> Cause:
    cause = explain(run.state, job_id)
    assert cause is not None
    return cause


def test_a_job_that_has_ended_has_no_cause() -> None:
    run = one_running_alone()
    run.ended("w1", "job", 1)
    assert why(run) == Cause(Why.COMES_HOME, "w1")
    run.home("job", 1)
    assert explain(run.state, "job") is None


def test_a_job_that_runs_ends_when_others_of_its_kind_did() -> None:
    first, second = replace(job("a"), kind="k"), replace(job("b"), kind="k")
    run = Stage(first, second, workers=["w1"])
    run.up("w1")
    assert why(run, "a").why is Why.STARTS
    run.at = 10.0
    run.run_on("w1", "a", 1)
    assert why(run, "a") == Cause(Why.RUNS, "w1", since=10.0)
    run.ended("w1", "a", 1, duration_s=60.0)
    run.run_on("w1", "b", 1)
    assert why(run, "b") == Cause(Why.RUNS, "w1", since=10.0, until=70.0)


def test_a_repeated_start_does_not_move_the_beginning() -> None:
    run = one_running_alone()
    run.at = 30.0
    run.started("w1", "job", 1)
    assert why(run).since == 0.0


def test_a_job_whose_worker_is_silent_is_given_to_another_when_the_lease_ends() -> None:
    run = one_running_alone()
    run.at = 7.0
    run.lost("w1")
    assert why(run) == Cause(Why.WORKER_SILENT, "w1", reason="broken pipe", since=7.0, until=7.0 + LEASE_S)


def test_a_job_waits_for_a_base_model_that_waits_itself() -> None:
    run = Stage(base(), job(needs="x"), workers=["w1"])
    cause = why(run)
    assert (cause.why, cause.job) == (Why.AWAITS_BASE_MODEL, BASE)
    assert cause.of_base == Cause(Why.NO_ROOM, hindrances=(Hindrance("w1", Obstacle.CONNECTING),))
    run.up("w1")
    run.run_on("w1", BASE, 1)
    assert why(run).of_base == Cause(Why.RUNS, "w1", since=0.0)


def test_a_job_waits_on_its_worker_for_the_base_model() -> None:
    run = Stage(job(needs="x"), workers=["w1"], in_store={"x": "x#1"})
    run.up("w1")
    run.staging("w1", "job", 1)
    assert why(run) == Cause(Why.AWAITS_FILES, "w1")


def test_strict_phases_hold_jobs_without_a_base_model_too() -> None:
    run = Stage(base(), job(), workers=["w1"], policy=Policy(strict_phases=True))
    assert why(run) == Cause(Why.AWAITS_PHASE_1)


def test_a_job_backs_off_after_a_failure() -> None:
    run = one_running_alone()
    run.ended("w1", "job", 1, "failed", exit_code=3)
    assert why(run) == Cause(Why.BACKS_OFF, reason="failed", until=5.0)


def test_a_job_waits_for_its_checkpoint() -> None:
    run = one_running()
    left = {"content_hash": "c" * 64, "files": [["epoch", 1, "d" * 64]]}
    run.ended("w1", "job", 1, "timeout", checkpoint=left)
    assert why(run) == Cause(Why.AWAITS_CHECKPOINT, "w1", until=Policy.checkpoint_s)


def test_nothing_more_is_started_once_the_user_has_asked_for_that() -> None:
    run = Stage(job("a"), job("b"), workers=["w1"])
    run.up("w1")
    run.run_on("w1", "a", 1)
    run.tell(ev.StopRequested(1.0))
    assert why(run, "b") == Cause(Why.STOPPING)


def test_so_many_run_as_the_user_allows() -> None:
    run = Stage(job("a"), job("b"), policy=Policy(max_running=1))
    run.up("w1", slots=2)
    assert why(run, "b") == Cause(Why.MOST_RUN, reason="1")


def test_the_job_that_could_start_first_speaks_for_a_run_in_which_none_runs() -> None:
    run = Stage(base(), job(needs="x"), workers=["w1"])
    assert speaks_for_all(run.state) == BASE
    run.up("w1")
    assert speaks_for_all(run.state) == BASE
    run.run_on("w1", BASE, 1)
    assert speaks_for_all(run.state) is None
    run.ended("w1", BASE, 1)
    assert speaks_for_all(run.state) == BASE, "it comes home"
    run.home(BASE, 1)
    assert speaks_for_all(run.state) == "job"
    run.run_on("w1", "job", 1)
    run.ended("w1", "job", 1)
    run.home("job", 1)
    assert speaks_for_all(run.state) is None


def test_a_held_worker_tells_who_holds_it_since_when() -> None:
    run = Stage(job(), workers=["w1", "w2"])
    run.up("w1")
    run.ended("w1", "job", 1, "worker_fault", error="disk full")
    run.at = 7.0
    run.order(PauseWorkers(["w1"], until=100.0), "night")
    run.order(DrainWorkers(["w2"]))
    paused = Hindrance("w1", Obstacle.PAUSED_BY_USER, "night", 100.0, "anna", 7.0)
    drained = Hindrance("w2", Obstacle.DRAINED_BY_USER, by="anna", since=7.0)
    assert why(run) == Cause(Why.NO_ROOM, hindrances=(paused, drained))


def test_a_worker_that_is_removed_tells_so_and_then_that_none_is_left() -> None:
    run = one_running_alone()
    run.order(RemoveWorkers(["w1"], now=True), "sold")
    run.ended("w1", "job", 1, "cancelled")
    going = Hindrance("w1", Obstacle.REMOVED, "sold", by="anna", since=0.0)
    assert why(run) == Cause(Why.NO_ROOM, hindrances=(going,)) and why(run).lasts
    run.wait(1)
    gone = "no worker is left: w1 was removed by anna: sold; add-worker adds one"
    assert why(run) == Cause(Why.NO_ROOM, reason=gone)


def test_to_end_a_hold_is_no_remedy_for_a_job_that_the_worker_could_not_do() -> None:
    run = Stage(replace(job(), resources=Resources(frozenset({"big"}))), workers=["w1"])
    run.order(PauseWorkers(["w1"]))
    assert why(run).hindrances == (Hindrance("w1", Obstacle.LABELS, "big"),)


def test_a_worker_with_fewer_slots_tells_that_a_user_wants_it_so() -> None:
    run = Stage(job("a"), job("b"), workers=["w1"])
    run.order(SetSlots(["w1"], 1))
    run.up("w1", slots=2)
    assert why(run, "b").hindrances == (Hindrance("w1", Obstacle.FULL, "a user allows 1 slots' worth there"),)
