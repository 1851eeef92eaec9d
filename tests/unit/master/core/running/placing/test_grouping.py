"""Which jobs go to a worker together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from master.core.planning.plan import Job
from master.core.planning.resources import Resources
from master.core.running import events as ev
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.core.running.run_state import has_more_to_do
from tests.unit.master.core.running.stage import Stage
from worker_agent.protocol.outcome import Finished, Outcome

GB = 10**9


def sibling(number: int, **more: Any) -> Job:
    return replace(Job(f"job{number}", phase=2, siblings="s", most_together=64), **more)


def siblings(count: int, **more: Any) -> list[Job]:
    return [sibling(number, **more) for number in range(count)]


def starts(run: Stage, lines: list[str]) -> list[list[str]]:
    """Return the jobs that are started, those that train at once together."""
    while has_more_to_do(run.state):
        lines = lines + run.tell(ev.GoOn(run.at))
    words = [line.split("@")[0].split()[1:] for line in lines if line.startswith("start ")]
    return [[word.partition("#")[0] for word in members] for members in words]


def sizes(run: Stage, lines: list[str]) -> list[int]:
    return [len(members) for members in starts(run, lines)]


def up(run: Stage, worker: str, slots: int = 1, **more: Any) -> list[str]:
    return run.tell(ev.WorkerUp(run.at, worker, slots, **more))


def test_siblings_that_are_ready_go_together_and_take_one_slot() -> None:
    run = Stage(*siblings(3), workers=["w1"])
    assert starts(run, up(run, "w1")) == [["job0", "job1", "job2"]]
    view = run.state.workers["w1"]
    assert (view.used, view.room(0)) == (1.0, 0.0)
    assert {record.group for record in run.state.jobs.values()} == {"job0#1"}


def test_the_room_is_free_when_the_last_has_ended() -> None:
    run = Stage(*siblings(3), sibling(9, siblings="", most_together=1), workers=["w1"])
    assert starts(run, up(run, "w1")) == [["job0", "job1", "job2"]]
    for name in ("job0", "job2"):
        assert starts(run, run.ended("w1", name, 1)) == []
    assert starts(run, run.ended("w1", "job1", 1)) == [["job9"]]


def test_slots_that_are_free_get_equally_many() -> None:
    run = Stage(*siblings(10), workers=["w1", "w2"])
    run.state.workers["w2"].paused = True
    up(run, "w2", 1)
    run.state.workers["w2"].paused = False
    run.state.free.add("w2")
    assert sizes(run, up(run, "w1", 2)) == [4, 3, 3]


def test_jobs_that_differ_and_jobs_that_may_not_go_alone() -> None:
    others = [Job("lone", phase=2), sibling(7, siblings="t"), sibling(8, resources=Resources(priority=-1))]
    run = Stage(*siblings(2), *others, workers=["w1"])
    assert starts(run, up(run, "w1", 5)) == [["job0"], ["job1"], ["lone"], ["job7"], ["job8"]]
    run = Stage(*siblings(2), *others, workers=["w1"])
    assert starts(run, up(run, "w1", 1)) == [["job0", "job1"]]


@pytest.mark.parametrize(
    ("more", "worker", "size"),
    [
        ({"most_together": 3}, {}, 3),
        ({"resources": Resources(memory=2 * GB)}, {"memory_bytes": 9 * GB}, 4),
        ({"resources": Resources(cpus=2)}, {"cores": 5}, 2),
        ({"gpu_bytes": 3 * GB}, {"gpu_bytes": (8 * GB,)}, 2),
        ({"gpu_bytes": 5 * GB}, {"gpu_bytes": (8 * GB,)}, 1),
        ({}, {"gpu_bytes": (8 * GB,)}, 6),
    ],
)
def test_a_group_is_no_larger_than_its_user_and_the_machine_allow(
    more: dict[str, Any], worker: dict[str, Any], size: int
) -> None:
    run = Stage(*siblings(6, **more), workers=["w1"])
    assert sizes(run, up(run, "w1", 1, **worker))[0] == size


def test_a_group_is_given_the_gpu_memory_of_all() -> None:
    run = Stage(*siblings(2, gpu_bytes=3 * GB), workers=["w1"])
    up(run, "w1", 1, gpu_bytes=(8 * GB,))
    assert {record.gpu_need for record in run.state.jobs.values()} == {6 * GB}
    assert run.state.workers["w1"].used == pytest.approx(6 / 8)


def test_no_more_start_than_may_run() -> None:
    run = Stage(*siblings(6), workers=["w1"], policy=Policy(max_running=4))
    assert sizes(run, up(run, "w1", 1)) == [4]


def test_the_longest_go_first() -> None:
    run = Stage(*(sibling(n, expected_s=float(n), most_together=2) for n in range(4)), workers=["w1"])
    assert starts(run, up(run, "w1")) == [["job3", "job2"]]


def test_what_starts_from_another_base_model_goes_along_where_that_is_here() -> None:
    jobs = [sibling(n, needs="xyx"[n]) for n in range(3)]
    run = Stage(*jobs, workers=["w1"], in_store={"x": "cx", "y": "cy"})
    assert starts(run, up(run, "w1", cached=frozenset({"cx"}))) == [["job0", "job2"]]
    run = Stage(*jobs, workers=["w1"], in_store={"x": "cx", "y": "cy"})
    assert starts(run, up(run, "w1", cached=frozenset({"cx", "cy"}))) == [["job0", "job1", "job2"]]


@pytest.mark.parametrize("outcome", ["lost", "failed"])
def test_a_member_that_has_not_succeeded_is_tried_again_alone(outcome: str) -> None:
    run = Stage(*siblings(3), workers=["w1"], policy=Policy(backoff_s=0.0))
    up(run, "w1")
    run.ended("w1", "job0", 1)
    found: list[list[str]] = []
    for name in ("job1", "job2"):
        found += starts(run, run.ended("w1", name, 1, outcome))
    assert found == [["job1"]]
    assert starts(run, run.ended("w1", "job1", 2)) == [["job2"]]
    assert {run.state.jobs[name].group for name in ("job1", "job2")} == {""}


@pytest.mark.parametrize(("began", "groups"), [({}, [3]), ({"started_at": 1.0}, [1, 2])])
def test_members_that_were_taken_back_before_they_began_go_together_again(
    began: dict[str, float], groups: list[int]
) -> None:
    run = Stage(*siblings(3), workers=["w1"])
    up(run, "w1")
    lines = run.ended("w1", "job0", 1, "cancelled", **began)
    for name in ("job1", "job2"):
        lines += run.ended("w1", name, 1, "cancelled")
    if len(groups) > 1:
        lines += run.ended("w1", "job0", 2)  # it had begun: alone, and before the others
    assert sizes(run, lines) == groups


def test_what_was_taken_back_is_known_after_a_restart() -> None:
    run = Stage(*siblings(2), workers=["w1"])
    up(run, "w1")
    for name in ("job0", "job1"):
        run.ended("w1", name, 1, "cancelled")
    run.restart()
    assert {record.unbegun for record in run.state.jobs.values()} == {1}


def test_a_place_that_was_bad_gets_one_job_first() -> None:
    run = Stage(*siblings(3), workers=["w1"])
    run.state.workers["w1"].faults = 1
    assert sizes(run, up(run, "w1")) == [1]


def test_what_a_group_took_is_shared_by_its_members_where_durations_are_learned() -> None:
    state, record = RunState.fresh(Stage(sibling(0)).plan, Policy(), []), Stage(sibling(0)).state.jobs["job0"]
    record.job = replace(record.job, gpu_kind="k", kind="k")
    record.finished = Finished(Outcome.SUCCEEDED, duration_s=40.0, peak_gpu_bytes=GB, group="g", together=4)
    state.learn(record)
    assert state.durations == {"k": (1, 10.0)} and state.gpu_peaks == {}
