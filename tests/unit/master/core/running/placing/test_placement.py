"""Which ready job a worker gets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.core.planning.plan import Job
from master.core.planning.resources import NO_RESOURCES, Resources
from master.core.running.placing.placement import MAX_LOOKAHEAD, ReadyJobs, lookahead


def base(spec: str) -> Job:
    return Job(f"base_models/{spec}", phase=1, makes=spec, kind="base model")


def job(name: str, needs: str | None = None, kind: str = "", expected_s: float | None = None) -> Job:
    return Job(name, phase=2, needs=needs, kind=kind, expected_s=expected_s)


def seconds(job: Job) -> float:
    return job.expected_s or 0.0


def order(ready: ReadyJobs, *held: str) -> list[str]:
    for spec in held:
        ready.hold("w1", spec)
    return [job.job_id for job in ready.candidates("w1", seconds)]


def holding(*jobs: Job) -> ReadyJobs:
    ready = ReadyJobs()
    for item in jobs:
        ready.add(item)
    return ready


@pytest.mark.parametrize(
    ("slots", "mean_s", "more"),
    [
        (4, None, 0),
        (4, 60.0, 0),
        (4, 0.25, 4),
        (4, 0.1, 10),
        (64, 0.001, MAX_LOOKAHEAD),
        (1, 0.0, MAX_LOOKAHEAD),
    ],
)
def test_only_short_jobs_are_given_out_ahead(slots: int, mean_s: float | None, more: int) -> None:
    assert lookahead(slots, mean_s) == more


def test_base_models_come_first_in_the_order_of_the_plan() -> None:
    ready = holding(job("a"), base("y"), base("x"))
    assert order(ready) == ["base_models/y", "base_models/x", "a"]


def test_a_worker_first_gets_what_starts_from_what_it_holds() -> None:
    ready = holding(job("x1", "x"), job("x2", "x"), job("y1", "y"), job("z1"))
    assert order(ready, "y") == ["z1", "y1", "x1", "x2"]


def test_priorities_go_before_everything_else() -> None:
    urgent, late = Resources(priority=5), Resources(priority=-1)
    ready = holding(
        job("near", "x", "long", 90.0),
        base("y"),
        replace(base("z"), resources=urgent),
        replace(job("far", "w", "short", 1.0), resources=urgent),
        replace(job("last", "x", "long", 99.0), resources=late),
    )
    assert order(ready, "x") == ["base_models/z", "far", "base_models/y", "near", "last"]


def test_what_jobs_need_of_a_machine_is_counted_until_they_are_gone() -> None:
    needs = Resources(frozenset({"a"}))
    jobs = [replace(job(name), resources=needs) for name in "ab"]
    ready = holding(*jobs, job("c"))
    assert dict(ready.resources) == {needs: 2, NO_RESOURCES: 1}
    assert ready.with_resources(needs) == jobs
    for item in jobs:
        ready.discard(item)
        ready.discard(item)
    assert dict(ready.resources) == {NO_RESOURCES: 1}


def test_the_longest_of_the_near_ones_comes_first() -> None:
    ready = holding(
        job("short", "x", expected_s=1.0), job("long", "x", expected_s=9.0), job("mid", expected_s=5.0)
    )
    assert order(ready, "x") == ["long", "mid", "short"]


def test_of_far_base_models_the_one_with_most_work_for_each_holder_comes_first() -> None:
    ready = holding(job("x1", "x"), job("x2", "x"), job("x3", "x"), job("y1", "y"), job("y2", "y"))
    assert order(ready)[0] == "x1"
    ready.hold("w2", "x")
    assert order(ready)[0] == "y1"


def test_what_is_taken_out_is_gone_and_what_is_put_in_twice_is_there_once() -> None:
    jobs = [base("x"), job("a", "x"), job("b")]
    ready = holding(*jobs, *jobs)
    assert len(ready) == 3
    for item in jobs:
        assert item in ready
        ready.discard(item)
        ready.discard(item)
        assert item not in ready
    assert (len(ready), order(ready)) == (0, [])


def test_one_that_was_put_back_waits_behind_its_like() -> None:
    first, second = job("a"), job("b")
    ready = holding(first, second)
    ready.discard(first)
    ready.add(first)
    assert order(ready) == ["b", "a"]


def test_what_comes_again_goes_before_what_is_fresh_and_alike_in_the_order_in_which_it_came() -> None:
    ready = holding(job("a"), job("b"), base("x"))
    for again in (job("c"), job("d"), base("y")):
        ready.add(again, again=True)
    assert order(ready) == ["base_models/y", "base_models/x", "c", "d", "a", "b"]
    ready.discard(job("c"))
    ready.discard(base("y"))
    assert order(ready) == ["base_models/x", "d", "a", "b"]
    assert job("c") not in ready and job("d") in ready and len(ready) == 4


names = st.sampled_from(["a", "b", "c", "d"])
needs = st.sampled_from([None, "x", "y", "z"])


@given(st.lists(st.tuples(st.booleans(), names, needs), max_size=20))
def test_what_is_ready_is_counted(moves: list[tuple[bool, str, str | None]]) -> None:
    ready, there = ReadyJobs(), dict[str, Job]()
    for comes, name, need in moves:
        item = there.get(name) or (base(name) if name == "d" else job(name, need))
        if comes:
            ready.add(item)
            there[name] = item
        else:
            ready.discard(item)
            there.pop(name, None)
        assert (len(ready), {each.job_id for each in ready.candidates("w1", seconds)}) == (
            len(there),
            {each.job_id for each in there.values()},
        )


@given(st.lists(needs, min_size=1, max_size=12), st.lists(st.sampled_from(["x", "y", "z"]), max_size=3))
def test_jobs_that_are_all_alike_come_in_the_order_in_which_they_come_beside_others(
    bases: list[str | None], held: list[str]
) -> None:
    alike = [job(f"j{number}", need) for number, need in enumerate(bases)]
    others = holding(*alike, replace(job("other", "w", "long"), resources=Resources(gpus=2)))
    for spec in held:
        others.hold("w1", spec)
    beside = others.candidates("w1", seconds, lambda each: each.job_id != "other")
    assert order(holding(*alike), *held) == [each.job_id for each in beside]
    assert list(holding(*alike).candidates("w1", seconds, lambda each: False)) == []
