"""What keeps each worker from a job."""

from __future__ import annotations

from dataclasses import replace

import pytest

from master.core.explaining.causes import Cause, Hindrance, Obstacle, Why
from master.core.explaining.explain import explain
from master.core.explaining.hindrances import hindrance
from master.core.planning.plan import Job
from master.core.planning.resources import Resources
from master.core.running import events as ev
from tests.unit.master.core.running.stage import Stage, job


def why(run: Stage, job_id: str = "job") -> Cause:
    cause = explain(run.state, job_id)
    assert cause is not None
    return cause


def hindrances(run: Stage, job_id: str = "job") -> dict[str, Obstacle]:
    cause = why(run, job_id)
    assert cause.why is Why.NO_ROOM
    return {each.worker: each.obstacle for each in cause.hindrances}


def test_a_full_worker_has_room_again_when_its_first_attempt_ends() -> None:
    first, second = replace(job("a"), expected_s=60.0), job("b")
    run = Stage(first, second, workers=["w1"])
    run.up("w1")
    run.run_on("w1", "a", 1)
    assert why(run, "b") == Cause(Why.NO_ROOM, hindrances=(Hindrance("w1", Obstacle.FULL, until=60.0),))


def test_every_worker_has_an_obstacle_of_its_own() -> None:
    run = Stage(job("a"), job("b"), workers=["full", "held", "down", "unusable", "new", "paused"])
    run.up("full")
    run.run_on("full", "a", 1)
    run.tell(ev.WorkerLost(0.0, "down", "no route"))
    run.tell(ev.WorkerUnusable(0.0, "unusable", "another protocol"))
    held = run.state.workers["held"]
    held.up = held.tried = True
    held.slots, held.held_by_others = 2, 2
    paused = run.state.workers["paused"]
    paused.up = paused.tried = paused.paused = True
    paused.slots, paused.fault, paused.paused_until = 1, "disk full", 40.0
    assert why(run, "b").hindrances == (
        Hindrance("full", Obstacle.FULL),
        Hindrance("held", Obstacle.HELD_BY_OTHERS),
        Hindrance("down", Obstacle.DOWN, "no route"),
        Hindrance("unusable", Obstacle.UNUSABLE, "another protocol"),
        Hindrance("new", Obstacle.CONNECTING),
        Hindrance("paused", Obstacle.PAUSED, "disk full", 40.0),
    )
    assert not why(run, "b").lasts


@pytest.mark.parametrize(
    ("needs", "lacks"),
    [
        (Resources(gpus=1), "a GPU"),
        (Resources(cpus=64), "cores"),
        (Resources(memory=2**50), "memory"),
    ],
)
def test_a_machine_that_is_too_small_says_what_it_lacks(needs: Resources, lacks: str) -> None:
    run = Stage(Job("job", phase=2, resources=needs), workers=["w1", "w2"])
    run.tell(ev.WorkerUp(0.0, "w1", 1, cores=4, memory_bytes=2**30))
    cause = why(run)
    assert cause.hindrances[0] == Hindrance("w1", Obstacle.TOO_SMALL, lacks)
    assert not cause.lasts, "w2 may be larger: it is being connected"


def test_labels_that_no_worker_has_last() -> None:
    run = Stage(Job("job", phase=2, resources=Resources(labels=frozenset({"big"}))), workers=["w1", "w2"])
    run.state.workers["w2"].labels = frozenset({"big"})
    run.up("w1")
    assert hindrances(run) == {"w1": Obstacle.LABELS, "w2": Obstacle.CONNECTING}


def test_a_worker_on_which_a_job_failed_is_kept_for_last() -> None:
    run = Stage(job("a"), job("b"), workers=["w1", "w2"])
    run.up("w1")
    run.run_on("w1", "a", 1)
    run.up("w2")
    run.run_on("w2", "b", 1)
    run.ended("w1", "a", 1, "failed", exit_code=3)
    run.wait(6.0)
    assert hindrances(run, "a") == {"w1": Obstacle.AVOIDED, "w2": Obstacle.FULL}


def test_a_machine_whose_cores_are_taken_is_full_for_one_that_says_how_many_it_needs() -> None:
    wants = Resources(cpus=3)
    run = Stage(*(Job(name, phase=2, resources=wants) for name in "ab"), workers=["w1"])
    run.tell(ev.WorkerUp(0.0, "w1", 2, cores=4))
    assert hindrances(run, "b") == {"w1": Obstacle.MACHINE_FULL}


def test_a_worker_on_probation_takes_one_job_at_a_time() -> None:
    run = Stage(job("a"), job("b"), workers=["w1"])
    run.up("w1", slots=2)
    run.ended("w1", "a", 1, "worker_fault", error="disk full")
    run.ended("w1", "b", 1, "cancelled")
    run.wait(6.0)
    states = {name: why(run, name) for name in "ab"}
    probed = Cause(Why.NO_ROOM, hindrances=(Hindrance("w1", Obstacle.PROBED, "disk full"),))
    assert probed in states.values()
    assert {cause.why for cause in states.values()} == {Why.STARTS, Why.NO_ROOM}


def test_a_gpu_that_is_left_alone_is_named_where_no_slot_is_left() -> None:
    run = Stage(job("a"), workers=["w1"])
    run.tell(ev.WorkerUp(0.0, "w1", 1, 1.0, gpu_bytes=(9,), left_alone=("gpu0: in use by bob",)))
    found = hindrance(run.state, run.state.jobs["a"], run.state.workers["w1"])
    assert found == Hindrance("w1", Obstacle.HELD_BY_OTHERS, "left alone is gpu0: in use by bob")


def test_what_a_machine_lacks_of_several_gpus_is_named() -> None:
    run = Stage(replace(job("a"), resources=Resources(gpus=2)), workers=["w1", "w2"])
    run.tell(ev.WorkerUp(0.0, "w1", 1, gpu_bytes=(9,)))
    record = run.state.jobs["a"]
    found = hindrance(run.state, record, run.state.workers["w1"])
    assert found == Hindrance("w1", Obstacle.TOO_SMALL, "GPUs")


def test_what_a_job_on_several_gpus_lacks_that_others_have_is_said_and_no_end_of_ours_promised() -> None:
    wide = replace(job("wide"), resources=Resources(gpus=2))
    run = Stage(wide, replace(job("a"), expected_s=60.0), workers=["w1"])
    run.tell(ev.WorkerUp(0.0, "w1", 2, held_by_others=1.0, gpu_bytes=(10**9, 10**9)))
    run.run_on("w1", "a", 1)
    run.state.mean_s = 0.01  # of jobs so short that a worker has more of them in hand than slots
    reason = "others have part of the GPUs that it needs"
    assert why(run, "wide").hindrances == (Hindrance("w1", Obstacle.FULL, reason),)
    run.state.workers["w1"].most = 1
    reason = "a user allows 1 slots' worth there"
    assert why(run, "wide").hindrances == (Hindrance("w1", Obstacle.FULL, reason),)
