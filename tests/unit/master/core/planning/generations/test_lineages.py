"""Generations of base models: what identifies each, and what an edit changes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from master.core.planning.generations.lineages import LineageStage, lineage_of
from master.core.planning.identity import CODE_FIELD, PARENT_FIELD, untold_fields
from master.core.planning.job_shape import ANY_JOB
from master.core.planning.plan import make_plan, planned_savings
from master.intake.participant_jobs import PARTICIPANT_JOBS
from master.specs import BaseModelSpec, Fused, JobSpec, JobsSpec, base_models_of

STAGES = tuple(LineageStage(f"s{n}", frozenset({f"f{n}"})) for n in range(5))
JOB = {"f0": 1, "f1": 2, "f2": 3, "f3": 4, "f4": 5, "head": 6, "device": 0}


def base_of(config: dict[str, Any], code: str = "c") -> BaseModelSpec:
    base = lineage_of(config, code, STAGES, ANY_JOB)
    assert base
    return base


def hashes(config: dict[str, Any], code: str = "c") -> list[str]:
    return [base.spec_hash for base in base_of(config, code).lineage]


def test_a_stage_is_known_by_its_own_fields_and_by_its_parent() -> None:
    root, child, *_ = base_of(JOB).lineage
    assert root.config == {"f0": 1, CODE_FIELD: "c"}
    assert child.config == {"f1": 2, CODE_FIELD: "c", PARENT_FIELD: root.spec_hash}
    assert child.training == {"f0": 1, "f1": 2, "device": 0, "mode": "base_only"}
    assert child.described["stage"] == "s1" and child.described["parent"] == root.spec_hash


def test_a_line_may_be_as_long_as_a_file_tells() -> None:
    names = [f"f{number}" for number in range(1200)]
    stages = [LineageStage(name, frozenset({name})) for name in names]
    base = lineage_of(dict.fromkeys(names, 1), "c", stages, ANY_JOB)
    assert base and [each.stage for each in base.lineage] == names


def test_what_is_told_to_no_training_is_told_to_the_user() -> None:
    assert untold_fields(JobSpec("a/b", "h", JOB, "job 1", base_of(JOB))) == ["head"]


def test_a_job_in_a_mode_without_base_model_has_none() -> None:
    config = {**JOB, "participants": ["a", "b"], "fold": 0, "mode": "target_only"}
    assert lineage_of(config, "c", STAGES, PARTICIPANT_JOBS) is None


@given(stage=st.integers(0, 4), value=st.integers(10, 99))
def test_an_edit_changes_what_comes_of_it_and_nothing_above(stage: int, value: int) -> None:
    before, after = hashes(JOB), hashes({**JOB, f"f{stage}": value})
    assert before[:stage] == after[:stage]
    assert not set(before[stage:]) & set(after[stage:])


def test_other_code_changes_every_generation_and_what_is_tuned_changes_none() -> None:
    assert not set(hashes(JOB)) & set(hashes(JOB, "d"))
    assert hashes({**JOB, "head": 7, "device": 1}) == hashes(JOB)


configs = st.fixed_dictionaries({f"f{n}": st.integers(0, 1) for n in range(5)} | {"head": st.integers(0, 3)})


def spec_of(listed: list[dict[str, Any]]) -> JobsSpec:
    jobs = tuple(
        JobSpec(f"alpha/{number}", f"h{number}", config, "job", base_of(config))
        for number, config in enumerate(listed)
    )
    return JobsSpec(jobs, "jobs.json", base_models_of(jobs))


@settings(max_examples=60, deadline=None)
@given(listed=st.lists(configs, min_size=1, max_size=20), data=st.data())
def test_each_base_model_is_trained_once_and_after_what_it_starts_from(
    listed: list[dict[str, Any]], data: st.DataObject
) -> None:
    jobs = spec_of(listed)
    stored = data.draw(st.sets(st.sampled_from(sorted(jobs.base_models))))
    plan = make_plan(jobs, dict.fromkeys(stored, "content"))
    assert len(set(plan.to_train)) == len(plan.to_train) and not stored & set(plan.to_train)
    there = set(stored)
    for job in plan.jobs:
        assert job.needs is None or job.needs in there
        there |= {job.makes} if job.makes else set()
    assert planned_savings(plan) == 5 * len(listed) - len(plan.to_train)
    assert plan.parents == jobs.parents


def test_a_base_model_needs_what_all_its_jobs_need() -> None:
    first, second = ({**JOB, "head": n, "resources": {"cpus": n}} for n in (1, 4))
    plan = make_plan(spec_of([first, second]), {})
    assert {job.resources.cpus for job in plan.jobs if job.makes} == {4}


def test_each_stage_takes_its_own_time() -> None:
    jobs = spec_of([JOB])
    kinds = [job.kind for job in make_plan(jobs, {}).jobs if job.makes]
    assert kinds == [f"base model s{n}" for n in range(5)]
    left = jobs.without({"h0"})
    assert left.base_models == {} and replace(jobs, jobs=()).parents


def test_trainings_are_siblings_by_what_they_are_told_themselves() -> None:
    bases = [base_of({**JOB, "f0": 1, "f4": number}) for number in (1, 2)]
    bases.append(base_of({**JOB, "f0": 2, "f4": 3}))
    fused = Fused(frozenset({"f0"}))
    jobs = [
        JobSpec(f"job{n}", f"h{n}", {**JOB, "f4": n}, f"job {n}", base, fused=fused)
        for n, base in enumerate(bases)
    ]
    plan = make_plan(JobsSpec(tuple(jobs), "jobs.json", base_models_of(jobs)), {})
    siblings = {job.makes: job.siblings for job in plan.jobs if job.makes}
    roots = {siblings[base.lineage[0].spec_hash] for base in bases}
    assert len(roots) == 1 and "" not in roots
    assert len({siblings[base.spec_hash] for base in bases}) == 3
