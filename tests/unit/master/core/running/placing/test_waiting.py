"""Jobs that no worker can take now: the user is told why, once."""

from __future__ import annotations

from dataclasses import replace

from master.core.planning.plan import Job, Plan
from master.core.planning.resources import NO_RESOURCES, Resources
from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.orders.of_workers import RemoveWorkers
from master.core.running.policy import Policy
from master.core.running.recovery import recover
from master.core.running.run_state import begin
from tests.unit.master.core.running.stage import LEASE_S, Stage

TRUSTED = Resources(frozenset({"trusted"}))
WHY = "1 job waits for a worker with the label trusted, and none is up (w2: no route)"


def stage(*jobs: Job) -> Stage:
    run = Stage(*jobs, policy=Policy(lease_s=LEASE_S, give_up_s=1000.0))
    run.state.workers["w2"].labels = TRUSTED.labels
    return run


def phase1() -> Job:
    return Job("base_models/s", phase=1, makes="s", resources=TRUSTED)


def lost(run: Stage, worker: str, reason: str) -> list[str]:
    return run.tell(ev.WorkerLost(run.at, worker, reason))


def test_a_base_model_waits_for_a_trusted_worker_and_says_why_once() -> None:
    run = stage(phase1())
    assert run.up("w1") == []
    assert lost(run, "w2", "no route") == [f"tell {WHY}"]
    assert lost(run, "w2", "no route") == []
    assert run.up("w2")[-1] == "start base_models/s#1@w2"


def test_it_waits_for_another_where_the_only_trusted_worker_was_removed() -> None:
    run = stage(phase1())
    run.order(RemoveWorkers(["w2"]))
    run.restart(workers=["w1"])
    gone = "1 job waits for a worker with the label trusted, and the run has none any more"
    assert run.up("w1") == [f"tell {gone}"]


def test_it_is_told_again_where_it_is_so_again() -> None:
    run = stage(phase1(), Job("other", phase=2, resources=TRUSTED))
    lost(run, "w2", "no route")
    run.up("w2", slots=1)
    assert lost(run, "w2", "no route") == [f"tell {WHY}"]


def test_nothing_is_said_before_the_worker_has_been_tried_or_of_jobs_without_labels() -> None:
    run = stage(phase1(), Job("plain", phase=2))
    told = run.up("w1")
    assert told == ["plain assign#1@w1: assigned", "start plain#1@w1"]
    assert run.state.waiting == frozenset()
    run.lost("w1")
    assert run.state.waiting == frozenset()


def test_where_the_trusted_workers_stay_away_the_base_model_fails_and_says_so() -> None:
    run = stage(phase1())
    run.up("w1")
    lost(run, "w2", "no route")
    run.wait(1001.0)
    record = run.state.jobs["base_models/s"]
    assert record.state is State.FAILED
    assert "no worker with the label trusted is left (w2: no route)" in record.note


def test_an_attempt_of_an_earlier_start_on_a_worker_that_is_not_trusted_is_left_for_good() -> None:
    run = Stage(replace(phase1(), resources=NO_RESOURCES), policy=Policy(lease_s=LEASE_S))
    run.up("w1")
    run.run_on("w1", "base_models/s", 1)
    run.state = recover(Plan((phase1(),), {}), run.policy, run.workers, run.journal)
    run.state.workers["w2"].labels = TRUSTED.labels
    assert [line.state for line in begin(run.state, 1.0).transitions] == [State.READY]
    came = run.up("w1", ("base_models/s", 1))
    assert came == ["cancel base_models/s#1@w1", "release base_models/s#1@w1"]
    assert run.up("w2")[-1] == "start base_models/s#2@w2"
