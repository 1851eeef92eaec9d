"""Which workers are machines for a job: by labels, cores and memory."""

from __future__ import annotations

from dataclasses import replace

import pytest

from master.core.planning.plan import Job
from master.core.planning.resources import Resources
from master.core.running import events as ev
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.lifecycle import State
from master.core.running.orders.of_workers import AddWorker, PauseWorkers, RemoveWorkers, ResumeWorkers
from master.core.running.placing.worker_room import suits, why_homeless
from master.core.running.policy import Policy
from tests.unit.master.core.running.stage import LEASE_S, Stage
from worker_agent.protocol.terms import JobLimits

GB = 10**9
LABELLED = Resources(frozenset({"a100"}))


def job(name: str, needs: Resources, expected_s: float | None = None) -> Job:
    return Job(name, phase=2, resources=needs, expected_s=expected_s)


def stage(*jobs: Job, labels: dict[str, str] | None = None) -> Stage:
    run = Stage(*jobs, policy=Policy(lease_s=LEASE_S, backoff_s=5.0, give_up_s=1000.0))
    for worker, label in (labels or {}).items():
        run.state.workers[worker].labels = frozenset({label})
    return run


def up(run: Stage, worker: str, slots: int = 4, **machine: int) -> list[str]:
    return started(run.tell(replace(ev.WorkerUp(run.at, worker, slots), **machine)))


def started(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("start ")]


@pytest.mark.parametrize(
    ("needs", "fits"),
    [
        (Resources(), True),
        (Resources(frozenset({"a"})), True),
        (Resources(frozenset({"a", "b"})), True),
        (Resources(frozenset({"a", "c"})), False),
        (Resources(cpus=8, memory=16 * GB), True),
        (Resources(cpus=9), False),
        (Resources(memory=16 * GB + 1), False),
        (Resources(gpus=1), False),
    ],
)
def test_a_worker_suits_what_it_has_enough_for(needs: Resources, fits: bool) -> None:
    view = WorkerView("w", labels=frozenset({"a", "b"}), cores=8, memory_bytes=16 * GB)
    assert suits(needs, view) is fits
    untold = WorkerView("w", labels=view.labels, gpu_bytes=(0,))
    assert suits(needs, untold) is (needs.labels <= view.labels)


def test_only_machines_with_the_label_get_the_job() -> None:
    run = stage(job("a", LABELLED), labels={"w2": "a100"})
    assert up(run, "w1") == []
    assert up(run, "w2") == ["start a#1@w2"]


def test_a_job_that_has_to_wait_for_its_machine_holds_up_no_other() -> None:
    run = stage(job("a", replace(LABELLED, priority=9)), job("b", Resources()), labels={"w2": "a100"})
    assert up(run, "w1") == ["start b#1@w1"]


def test_priorities_go_before_the_longest() -> None:
    jobs = [
        job("long", Resources(), 900.0),
        job("soon", Resources(priority=1), 1.0),
        job("short", Resources(), 2.0),
    ]
    assert up(stage(*jobs), "w1", 2) == ["start soon#1@w1", "start long#1@w1"]


def test_no_more_run_than_there_are_cores_for() -> None:
    run = stage(job("a", Resources(cpus=3)), job("b", Resources(cpus=2)), job("c", Resources()))
    assert up(run, "w1", cores=4) == ["start a#1@w1"]
    run.run_on("w1", "a", 1)
    assert started(run.ended("w1", "a", 1)) == ["start b#1@w1", "start c#1@w1"]


def test_a_job_that_says_nothing_counts_as_one_core() -> None:
    run = stage(job("a", Resources()), job("b", Resources(cpus=4)))
    assert up(run, "w1", cores=4) == ["start a#1@w1"]
    assert up(run, "w2", cores=4) == ["start b#1@w2"]


def test_no_more_run_than_there_is_memory_for() -> None:
    run = stage(job("a", Resources(memory=6 * GB)), job("b", Resources(memory=6 * GB)))
    assert up(run, "w1", memory_bytes=8 * GB) == ["start a#1@w1"]
    assert up(run, "w2", memory_bytes=6 * GB) == ["start b#1@w2"]


def test_jobs_that_say_nothing_fill_the_slots_whatever_the_cores() -> None:
    run = stage(job("a", Resources()), job("b", Resources()))
    assert up(run, "w1", 2, cores=1) == ["start a#1@w1", "start b#1@w1"]


def test_what_no_machine_has_fails_once_all_have_been_seen() -> None:
    run = stage(job("a", Resources(cpus=64, memory=GB)), job("b", Resources()))
    up(run, "w1", cores=4)
    assert run.stands("a") is State.READY
    up(run, "w2", cores=8)
    assert run.stands("a") is State.FAILED
    assert run.state.jobs["a"].note == "needs 64 cores, 1.0 GB of memory, which no worker has"


def test_a_machine_that_is_away_is_waited_for_but_not_for_ever() -> None:
    run = stage(job("a", LABELLED), job("b", Resources()), job("c", Resources()), labels={"w2": "a100"})
    up(run, "w1", 1)
    run.lost("w2")
    run.wait(LEASE_S + 600)
    assert run.stands("a") is State.READY
    run.wait(200)
    assert run.stands("a") is State.FAILED
    assert run.state.jobs["a"].note == "no worker with the label a100 is left (w2: broken pipe)"
    assert run.stands("b") is State.ASSIGNED


def test_a_hiccup_of_a_link_fails_no_job_however_little_patience_there_is() -> None:
    run = Stage(job("a", LABELLED), workers=["w1", "w2"], policy=Policy(lease_s=LEASE_S, give_up_s=0.0))
    run.state.workers["w2"].labels = LABELLED.labels
    up(run, "w1", 1)
    run.lost("w2")
    run.wait(LEASE_S)
    assert run.stands("a") is State.READY
    run.wait(1.0)
    assert run.stands("a") is State.FAILED


def test_why_nobody_can_says_what_is_missing() -> None:
    view = WorkerView("w", up=True, tried=True, labels=frozenset({"a"}), cores=4)
    needs = Resources(frozenset({"a"}), cpus=5, gpus=1)
    assert (
        why_homeless(needs, [view], 0.0, 1.0) == "needs 5 cores, a GPU, which no worker with the label a has"
    )
    assert why_homeless(Resources(frozenset({"b", "c"})), [view], 0.0, 1.0) == "no worker has the labels b, c"
    assert why_homeless(Resources(cpus=4), [view], 0.0, 1.0) == ""
    assert why_homeless(Resources(cpus=4), [WorkerView("w", tried=True)], 9.0, 1.0) == ""


def test_a_job_that_may_take_more_than_a_machine_allows_does_not_run_there() -> None:
    needs = Resources(limits=JobLimits(memory_bytes=4 * GB))
    run = stage(job("a", needs))
    run.state.workers["w1"].limits = JobLimits(memory_bytes=2 * GB)
    run.state.workers["w2"].limits = JobLimits(memory_bytes=4 * GB, processes=5)
    assert up(run, "w1") == []
    assert up(run, "w2") == ["start a#1@w2"]
    assert run.state.any_limits
    view = WorkerView("w", up=True, limits=JobLimits(memory_bytes=GB))
    assert why_homeless(needs, [view], 0.0, 1.0) == "needs limits of memory 4 GB, which no worker has"


def test_jobs_wait_for_another_machine_when_the_last_one_is_removed() -> None:
    run = Stage(job("a", Resources(cpus=4)), workers=["w1"], policy=Policy(give_up_s=60.0))
    up(run, "w1", cores=4)
    run.run_on("w1", "a", 1)
    run.order(RemoveWorkers(["w1"], now=True))
    run.ended("w1", "a", 1, "cancelled")
    run.wait(1)
    run.wait(50)
    assert (run.stands("a"), run.state.finished) == (State.READY, False)
    run.order(AddWorker({}, name="w2"))
    assert up(run, "w2", cores=4) == ["start a#2@w2"]


def swapped() -> Stage:
    """`a` waits for the label of `w2`, which `first` is on and which is being removed."""
    run = stage(job("first", LABELLED), job("a", LABELLED), labels={"w2": "a100"})
    up(run, "w1", 1)
    up(run, "w2", 1)
    run.order(RemoveWorkers(["w2"]), "to be swapped")
    run.wait(1)
    return run


def test_jobs_wait_for_their_label_while_the_only_worker_with_it_is_swapped() -> None:
    run = swapped()
    assert run.stands("a") is State.READY
    run.ended("w2", "first", 1)
    run.home("first", 1)
    assert run.wait(1) == ["let go w2"]
    run.wait(999)
    assert run.stands("a") is State.READY
    run.order(AddWorker({}, name="w3", labels=["a100"]))
    assert up(run, "w3") == ["start a#1@w3"]


def test_jobs_wait_no_longer_for_a_label_than_the_run_would_for_a_worker() -> None:
    run = swapped()
    run.ended("w2", "first", 1)
    run.home("first", 1)
    run.wait(1)
    run.wait(1000)
    assert (run.stands("a"), run.state.jobs["a"].note) == (State.FAILED, "no worker has the label a100")


def test_after_a_restart_jobs_wait_again_for_what_was_removed() -> None:
    run = stage(job("a", LABELLED), labels={"w2": "a100"})
    up(run, "w1", 1)
    run.order(RemoveWorkers(["w2"]))
    run.restart(workers=["w1"])
    up(run, "w1", 1)
    run.wait(999)
    assert run.stands("a") is State.READY
    run.wait(1)
    assert run.stands("a") is State.FAILED


def test_a_machine_that_is_paused_is_waited_for_however_long_it_is_away() -> None:
    run = stage(job("a", LABELLED), job("b", Resources()), labels={"w2": "a100"})
    up(run, "w1", 1)
    run.order(PauseWorkers(["w2"]))
    run.lost("w2")
    run.wait(10_000)
    assert run.stands("a") is State.READY
    run.order(ResumeWorkers(["w2"]))
    run.wait(1000)
    assert run.stands("a") is State.READY, "it is waited for from then on"
    run.wait(1)
    assert run.stands("a") is State.FAILED


def test_why_nobody_can_names_no_label_where_none_is_needed() -> None:
    assert why_homeless(Resources(cpus=4), [], 0.0, 1.0) == ""
