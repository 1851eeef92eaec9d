"""Which code does which job of a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from master.code.code_history import CodeStart
from master.code.code_record import CodeRecord
from master.code.origin import Described, JobFacts
from master.core.planning.plan import Job, base_model_job_id, make_plan
from master.core.running.orders.of_jobs import AddJobs
from master.core.running.orders.order import By, Ordered
from master.core.running.records import JobRecord
from master.runs.additions.programs import Programs
from master.runs.spec import Code, MoreJobs, RunSpec, Start
from master.specs import BaseModelSpec, ClusterSpec, JobSpec, JobsSpec
from master.storage.run_layout import RunLayout

BASE, OTHER = BaseModelSpec("b" * 32, {"width": 4}), BaseModelSpec("c" * 32, {"width": 8})


def jobs(*names: str, base: BaseModelSpec | None = None, addition: str = "") -> JobsSpec:
    of = tuple(JobSpec(name, f"h-{name}", {}, "job", base, addition=addition) for name in names)
    return JobsSpec(of, "jobs", {base.spec_hash: base} if base else {})


class Work:
    """Code that tells its name wherever it is asked, and the jobs that it was given later."""

    def __init__(self, name: str) -> None:
        self.name, self.more = name, list[str]()
        self.start = CodeStart(CodeRecord(f"script:{name}"), f"snapshot of {name}")

    def take(self, layout: RunLayout) -> Code:
        launch: Any = lambda start: (self.name, start.record.job.job_id)  # noqa: E731
        return Code(
            {f"snapshot of {self.name}": layout.code / self.name},
            launch,
            start=self.start,
            describe=lambda job_id: Described(JobFacts(command=(self.name,))),
            take_more=lambda more: self.more.extend(job.job_id for job in more.jobs),
        )


def begun(job_id: str) -> Start:
    return Start(JobRecord(Job(job_id, phase=2)), 1)


@pytest.fixture
def own() -> Work:
    return Work("own")


@pytest.fixture
def programs(own: Work, tmp_path: Path) -> Programs:
    mine, added = jobs("a", base=BASE), jobs("x", base=BASE, addition="lab")
    every = mine.with_more(added)
    more = MoreJobs(AddJobs(name="lab"), added, Work("lab"))
    return Programs.taken(
        RunSpec(RunLayout(tmp_path), ClusterSpec(()), make_plan(every, {}), own, jobs=every, added=(more,))
    )


def test_each_job_is_started_by_its_own_code(programs: Programs) -> None:
    assert [programs.launch(begun(name)) for name in ("a", "x")] == [("own", "a"), ("lab", "x")]
    assert sorted(programs.directories) == ["snapshot of lab", "snapshot of own"]
    assert list(programs.starts) == ["lab"]


def test_a_shared_base_model_is_trained_by_the_first_that_needs_it(programs: Programs) -> None:
    training = base_model_job_id(BASE.spec_hash)
    assert programs.launch(begun(training)) == ("own", training)


def test_results_tell_the_code_of_their_addition(programs: Programs) -> None:
    known = programs.describe("x")
    assert known.code and known.code.snapshot == "snapshot of lab" and known.facts.command == ("lab",)
    assert programs.describe("a").code is None, "the history of the run tells it"


def test_more_jobs_are_taken_in_with_their_code_or_by_that_of_the_command(
    programs: Programs, own: Work, tmp_path: Path
) -> None:
    layout = RunLayout(tmp_path)
    programs.add(jobs("y", base=OTHER, addition="new"), Work("new").take(layout))
    programs.add(jobs("b", base=OTHER), None)
    assert own.more == ["b"]
    training = base_model_job_id(OTHER.spec_hash)
    assert [programs.launch(begun(name)) for name in ("y", training, "b")] == [
        *(("new", "y"), ("new", training)),
        ("own", "b"),
    ]
    assert sorted(programs.starts) == ["lab", "new"]


def test_a_plan_tells_of_each_job_which_addition_it_is_of() -> None:
    every = jobs("a", base=BASE).with_more(jobs("x", base=OTHER, addition="lab"))
    every = replace(every, base_models={**every.base_models})
    found = {job.job_id: (job.addition, job.kind) for job in make_plan(every, {}).jobs}
    assert found == {
        base_model_job_id(BASE.spec_hash): ("", "base model"),
        base_model_job_id(OTHER.spec_hash): ("lab", "base model of lab"),
        "a": ("", ""),
        "x": ("lab", " of lab"),
    }


def test_the_name_of_an_addition_that_this_start_has_left_out_stays_that_of_its_code() -> None:
    by, mine, gone = By(1000, "anna", 1), Work("mine"), Work("gone")
    orders = [AddJobs(name=work.name, code=work.start.as_json()) for work in (mine, gone, mine)]
    own = AddJobs("/more.json")
    programs = Programs(Code({}, None), starts={"mine": mine.start})  # type: ignore[arg-type]
    programs.keep_names(Ordered(0.0, by, order) for order in (own, *orders))
    assert {name: start.snapshot for name, start in programs.starts.items()} == {
        "mine": "snapshot of mine",
        "gone": "snapshot of gone",
    }
