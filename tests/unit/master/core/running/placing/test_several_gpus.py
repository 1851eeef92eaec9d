"""Jobs on several GPUs of one machine, beside jobs on one."""

from __future__ import annotations

from dataclasses import replace

from master.core.planning.plan import Job
from master.core.planning.resources import Resources
from master.core.running import events as ev
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.lifecycle import State
from master.core.running.placing.worker_room import cost, may_have_room, suits
from tests.unit.master.core.running.stage import Stage, job

GB = 10**9
TWO = Resources(gpus=2)


def wide(name: str, gpus: int = 2) -> Job:
    return replace(job(name), resources=Resources(gpus=gpus))


def up(run: Stage, worker: str, gpus: int) -> list[str]:
    return run.tell(ev.WorkerUp(run.at, worker, gpus, gpu_bytes=(24 * GB,) * gpus))


def test_it_costs_as_many_slots_and_only_where_so_many_have_the_memory() -> None:
    view = WorkerView("w", up=True, slots=3, gpu_bytes=(24 * GB, 24 * GB, 8 * GB))
    assert [cost(view, None, False, gpus) for gpus in (None, 1, 2, 3, 4)] == [1.0, 1.0, 2.0, 3.0, None]
    assert cost(view, 12 * GB, False, 2) == 1.0 and cost(view, 12 * GB, False, 3) is None
    assert cost(view, 12 * GB, True, 2) == 2.0
    assert suits(TWO, view) and not suits(Resources(gpus=4), view)
    assert not suits(TWO, WorkerView("w", up=True, slots=1, gpu_bytes=(GB,)))
    assert not suits(TWO, WorkerView("w", up=True, slots=4))


def test_it_goes_to_the_machine_that_has_them() -> None:
    run = Stage(wide("a"), job("b"), workers=["one", "two"])
    up(run, "one", 1)
    assert run.state.jobs["b"].worker == "one" and run.state.jobs["a"].state is State.READY
    up(run, "two", 2)
    assert run.state.jobs["a"].worker == "two" and run.state.workers["two"].used == 2.0


def test_small_jobs_do_not_keep_coming_before_it() -> None:
    small = [job(f"s{number}") for number in range(20)]
    run = Stage(*small, wide("a"), workers=["two"])
    up(run, "two", 2)
    assert run.state.jobs["a"].worker == "two"
    assert all(run.state.jobs[each.job_id].state is State.READY for each in small)
    run.run_on("two", "a", 1)
    run.ended("two", "a", 1)
    run.home("a", 1)
    assert sum(run.state.jobs[each.job_id].worker == "two" for each in small) == 2


def test_while_a_user_allows_fewer_jobs_on_one_gpu_do_not_wait_behind_it() -> None:
    run = Stage(wide("a"), job("b"), job("c"), workers=["two"])
    run.state.workers["two"].most = 1
    up(run, "two", 2)
    assert [run.state.jobs[name].worker for name in "abc"] == [None, "two", None]


def test_while_others_have_one_of_its_gpus_jobs_on_one_do_not_wait_behind_it() -> None:
    run = Stage(wide("a"), job("b"), job("c"), job("d"), workers=["two"])
    run.tell(ev.WorkerUp(run.at, "two", 2, held_by_others=1.0, gpu_bytes=(24 * GB,) * 2))
    assert [run.state.jobs[name].worker for name in "abc"] == [None, "two", None]
    run.tell(ev.SlotsHeldByOthers(run.at, "two", 0.0))
    assert run.state.jobs["c"].state is State.READY, "the second GPU is kept for the wide job"
    run.run_on("two", "b", 1)
    run.ended("two", "b", 1)
    run.home("b", 1)
    assert run.state.jobs["a"].worker == "two" and run.state.jobs["d"].state is State.READY


def test_one_that_needs_a_gpu_alone_holds_nobody_up_where_a_user_allows_less() -> None:
    view = WorkerView("w", up=True, slots=4, most=2, gpu_bytes=(24 * GB,), slots_per_gpu=4)
    assert not may_have_room(view, 4.0) and may_have_room(view, 2.0)
    view.most = None
    assert may_have_room(view, 4.0) and not may_have_room(view, 5.0, 2)


def test_more_than_any_machine_has_is_told_and_not_waited_for() -> None:
    run = Stage(wide("a", 4), job("b"), workers=["two"])
    up(run, "two", 2)
    run.wait(5)
    record = run.state.jobs["a"]
    assert record.state is State.FAILED
    assert "needs 4 GPUs on one machine, which no worker has" in record.note
