"""The jobs of many additions, put together for a start."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from master.code.code_record import CodeRecord
from master.code.sources import Sources
from master.commands.additions.gathering import Gathered
from master.core.running.orders.of_jobs import AddJobs, AskedProgram
from master.runs.script_jobs import ScriptJobs
from master.runs.spec import NO_JOBS, MoreJobs
from master.specs import BaseModelSpec, JobSpec, JobsSpec

SOURCES, RECORD = Sources(Path("/x"), (), ("t.py",)), CodeRecord("script:1")


def jobs(numbers: list[int], base: str = "") -> JobsSpec:
    model = BaseModelSpec(base, {"by": numbers[0] if numbers else 0}) if base else None
    of = tuple(JobSpec(f"lab/{n}", f"h{n}", {"n": n}, "job", model, addition="lab") for n in numbers)
    return JobsSpec(of, "jobs", {base: model} if model else {})


def more(numbers: list[int], snapshot: str = "s1", base: str = "", **program: str) -> MoreJobs:
    order = AddJobs(name="lab", program=AskedProgram(**program), code={"snapshot": snapshot})
    found = jobs(numbers, base)
    return MoreJobs(order, found, ScriptJobs(found, SOURCES, RECORD))


def gathered(*parts: MoreJobs, own: JobsSpec = NO_JOBS) -> Gathered:
    found = Gathered(own)
    for part in parts:
        found.take(part)
    return found


def numbers(spec: JobsSpec) -> list[Any]:
    return [job.config["n"] for job in spec.jobs]


def test_those_of_equal_code_share_it_and_each_counts_once() -> None:
    found = gathered(more([1, 2]), more([2, 3]), more([4], "s2"), more([1]), more([5], flag_style="bare"))
    assert numbers(found.jobs()) == [1, 2, 3, 4, 5]
    programs = found.with_programs()
    assert [numbers(each.jobs) for each in programs] == [[1, 2, 3], [4], [5]]
    for each in programs:
        assert isinstance(each.work, ScriptJobs) and each.work.jobs is each.jobs


def test_jobs_of_the_commands_own_program_come_first() -> None:
    found = gathered(MoreJobs(AddJobs(), jobs([7])), more([1]), own=jobs([1, 6]))
    assert numbers(found.jobs()) == [1, 6, 7] and found.with_programs() == []


def test_of_a_base_model_the_first_addition_counts() -> None:
    found = gathered(more([1], base="b"), more([2], base="b"), more([3], base="c")).jobs()
    assert {name: base.config["by"] for name, base in found.base_models.items()} == {"b": 1, "c": 3}


@given(st.lists(st.lists(st.integers(0, 8), unique=True, max_size=5), max_size=6))
def test_it_comes_to_the_same_as_one_after_the_other(parts: list[list[int]]) -> None:
    after = NO_JOBS
    for part in parts:
        after = after.with_more(jobs(part))
    assert gathered(*map(more, parts)).jobs().jobs == after.jobs
