"""How much of a worker's GPUs a job takes, what is learned of it, and what happens where it is too much."""

from __future__ import annotations

from typing import Any

import pytest

from master.core.planning.plan import Job
from master.core.running import events as ev
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.lifecycle import State
from master.core.running.orders.of_workers import AddWorker, PauseWorkers, RemoveWorkers
from master.core.running.placing.worker_room import cost, largest_gpu
from master.core.running.policy import Policy
from tests.support.endings import finished
from tests.unit.master.core.running.stage import LEASE_S, Stage

GB = 1000**3


def job(name: str, gigabytes: float | None = None, kind: str = "cnn") -> Job:
    need = None if gigabytes is None else int(gigabytes * GB)
    return Job(name, phase=2, gpu_bytes=need, gpu_kind=kind)


def up(
    run: Stage, worker: str, *gigabytes: float, per_gpu: int | None = None, held_by_others: float = 0
) -> list[str]:
    sizes = tuple(int(size * GB) for size in gigabytes)
    slots = len(sizes) * (per_gpu or 1) or 1
    return run.tell(
        ev.WorkerUp(
            run.at, worker, slots, held_by_others=held_by_others, gpu_bytes=sizes, slots_per_gpu=per_gpu
        )
    )


def ended(run: Stage, name: str, outcome: str, attempt: int = 1, **detail: Any) -> list[str]:
    worker = run.state.jobs[name].worker or ""
    return run.tell(ev.AttemptFinished(run.at, worker, name, attempt, finished(outcome, **detail)))


def started(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith("start ")]


def view(*gigabytes: float, per_gpu: int | None = None) -> WorkerView:
    return WorkerView("w", gpu_bytes=tuple(int(size * GB) for size in gigabytes), slots_per_gpu=per_gpu)


@pytest.mark.parametrize(
    ("worker", "need", "alone", "slots"),
    [
        (view(), 99, False, 1.0),
        (view(24), None, False, 1.0),
        (view(24), 6, False, 0.25),
        (view(24), 24, False, 1.0),
        (view(24), 25, False, None),
        (view(24), 6, True, 1.0),
        (view(24, 8), 6, False, 0.75),
        (view(24, 8), 12, False, 0.5),
        (view(24, per_gpu=4), None, False, 1.0),
        (view(24, per_gpu=4), 5, False, 1.0),
        (view(24, per_gpu=4), 7, False, 2.0),
        (view(24, per_gpu=4), None, True, 4.0),
        (view(0), 99, False, 1.0),
    ],
)
def test_what_a_job_takes_of_a_worker(
    worker: WorkerView, need: int | None, alone: bool, slots: float | None
) -> None:
    assert cost(worker, None if need is None else need * GB, alone) == slots


def test_jobs_are_given_out_while_they_fit() -> None:
    run = Stage(*(job(name, 10) for name in "abc"), workers=["w1"])
    assert started(up(run, "w1", 24)) == ["start a#1@w1", "start b#1@w1"]
    run.started("w1", "a", 1)
    assert started(ended(run, "a", "succeeded")) == ["start c#1@w1"]


def test_what_others_have_is_not_given_out() -> None:
    run = Stage(job("a", 10), job("b", 10), workers=["w1"])
    assert started(up(run, "w1", 24, held_by_others=0.5)) == ["start a#1@w1"]
    assert started(run.tell(ev.SlotsHeldByOthers(run.at, "w1", 0.0))) == ["start b#1@w1"]


def test_the_memory_of_a_kind_is_learned() -> None:
    run = Stage(*(job(name) for name in "abcde"), job("z", kind="gpt"), workers=["w1"])
    assert started(up(run, "w1", 24)) == ["start a#1@w1"]
    run.started("w1", "a", 1)
    begun = started(ended(run, "a", "succeeded", peak_gpu_bytes=10 * GB))
    assert begun == ["start b#1@w1", "start c#1@w1"]
    assert run.state.jobs["b"].gpu_need == 11 * GB
    run.started("w1", "b", 1)
    ended(run, "b", "succeeded", peak_gpu_bytes=50 * GB)
    assert run.state.gpu_peaks == {"cnn": 50 * GB}
    assert run.state.jobs["d"].gpu_need is None, "what is left of the GPU is not enough for one more"


def test_what_was_learned_survives_a_restart() -> None:
    run = Stage(*(job(name) for name in "abc"), workers=["w1"])
    up(run, "w1", 24)
    run.started("w1", "a", 1)
    ended(run, "a", "succeeded", peak_gpu_bytes=5 * GB)
    run.restart()
    assert run.state.gpu_peaks == {"cnn": 5 * GB}


def test_a_job_that_ran_out_of_memory_is_tried_alone_for_free_once() -> None:
    run = Stage(job("a", 1), workers=["w1"], policy=Policy(retries=0))
    up(run, "w1", 24)
    run.started("w1", "a", 1)
    lines = ended(run, "a", "out_of_memory")
    assert started(lines) == ["start a#2@w1"]
    record = run.state.jobs["a"]
    assert record.alone and record.failures == 0 and not record.avoid
    run.started("w1", "a", 2)
    ended(run, "a", "out_of_memory", attempt=2)
    assert run.stands("a") is State.FAILED


def test_a_job_that_is_to_run_alone_goes_to_the_largest_gpu() -> None:
    run = Stage(job("a", 1), policy=Policy(retries=0))
    up(run, "w1", 24)
    run.started("w1", "a", 1)
    up(run, "w2", 80)
    assert started(ended(run, "a", "out_of_memory")) == ["start a#2@w2"]


def test_a_job_goes_where_a_gpu_is_large_enough() -> None:
    run = Stage(job("a", 40), job("b", 4))
    assert started(up(run, "w1", 24)) == ["start b#1@w1"]
    assert started(up(run, "w2", 80)) == ["start a#1@w2"]


def test_a_job_that_no_gpu_is_large_enough_for_fails_when_all_workers_are_known() -> None:
    run = Stage(job("a", 90), job("b", 4))
    assert started(up(run, "w1", 24)) == ["start b#1@w1"]
    assert run.stands("a") is State.READY
    up(run, "w2", 80)
    record = run.state.jobs["a"]
    assert record.state is State.FAILED
    assert record.note == "needs 90.0 GB of GPU memory, the largest GPU has 80.0 GB to give (w2)"
    assert run.stands("b") is State.ASSIGNED


def test_a_worker_that_does_not_come_is_not_waited_for_for_ever() -> None:
    run = Stage(job("a", 90), job("b", 4))
    up(run, "w1", 24)
    run.lost("w2")
    assert run.stands("a") is State.READY
    run.wait(LEASE_S + 1)
    assert run.stands("a") is State.FAILED


def test_the_largest_gpu_is_waited_for_while_its_worker_is_paused_and_away() -> None:
    run = Stage(job("a", 40))
    up(run, "w1", 24)
    run.order(PauseWorkers(["w2"]))
    run.lost("w2")
    run.wait(10_000)
    assert run.stands("a") is State.READY


def test_the_largest_gpu_is_waited_for_while_its_worker_is_swapped() -> None:
    run = Stage(job("first", 40), job("a", 40), policy=Policy(lease_s=LEASE_S, give_up_s=1000.0))
    up(run, "w1", 24)
    up(run, "w2", 48)
    run.order(RemoveWorkers(["w2"]))
    run.wait(1)
    ended(run, "first", "succeeded")
    run.home("first", 1)
    assert run.wait(1) == ["let go w2"]
    run.wait(999)
    assert run.stands("a") is State.READY
    run.order(AddWorker({}, name="w3"))
    assert started(up(run, "w3", 48)) == ["start a#1@w3"]


def test_without_gpus_memory_means_nothing() -> None:
    run = Stage(job("a", 90), workers=["w1"])
    assert started(up(run, "w1")) == ["start a#1@w1"]


def test_the_largest_gpu_is_known_when_all_are() -> None:
    seen = WorkerView("w", up=True, ever_up=True, gpu_bytes=(3, 5))
    unknown = WorkerView("x", up=True, ever_up=True, gpu_bytes=(0,))
    broken = WorkerView("y", usable=False)
    assert largest_gpu([seen, broken], 0.0, 1.0) == (5, "w")
    assert largest_gpu([seen, unknown], 0.0, 1.0) is None
    assert largest_gpu([seen, WorkerView("z")], 0.0, 1.0) is None
    assert largest_gpu([broken], 0.0, 1.0) is None
