"""Rungs: which training goes on from which, what that saves, and what the store makes of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from master.core.planning.analysis import analyze
from master.core.planning.generations.rungs import (
    Climb,
    climb,
    climbing,
    is_rung,
    notes_on_rungs,
    of_manifest,
    with_rungs,
)
from master.core.planning.identity import base_model_of, spec_hash_of
from master.core.planning.plan import Plan, make_plan, planned_savings
from master.specs import BaseModelSpec, JobSpec, JobsSpec, Rungs, base_models_of

BY = Rungs("epochs")


def jobs_of(configs: list[dict[str, Any]], rungs: Rungs | None = BY) -> JobsSpec:
    """Return a job for each base model."""
    jobs = [
        JobSpec(f"alpha/{number}", f"h{number}", config, f"job {number}", base_model_of(config, "c"))
        for number, config in enumerate(configs)
    ]
    spec = JobsSpec(tuple(jobs), "jobs.json", base_models_of(jobs))
    return with_rungs(spec, rungs) if rungs else spec


def hash_of(epochs: int, **others: Any) -> str:
    found = base_model_of({"lr": 1, "epochs": epochs, **others}, "c")
    assert found
    return found.spec_hash


def ladder(*epochs: int, **others: Any) -> JobsSpec:
    return jobs_of([{"lr": 1, "epochs": each, **others} for each in epochs])


def manifest(epochs: int, **told: Any) -> dict[str, dict[str, Any]]:
    base = base_model_of({"lr": 1, "epochs": epochs}, "c")
    assert base
    found = {"spec_hash": base.spec_hash, "config": base.config, "keeps_state": True, "resumes_from": None}
    return {base.spec_hash: {**found, **told}}


def edges(plan: Plan) -> dict[str, str | None]:
    return {job.makes: job.needs for job in plan.jobs if job.makes}


def test_each_goes_on_from_the_next_lower_whatever_their_order() -> None:
    jobs = ladder(40, 10, 20)
    plan = make_plan(jobs, {})
    assert edges(plan) == {hash_of(10): None, hash_of(20): hash_of(10), hash_of(40): hash_of(20)}
    assert [job.makes for job in plan.jobs if job.makes] == [hash_of(10), hash_of(20), hash_of(40)]
    assert [job.resumes for job in plan.jobs if job.makes] == [False, True, True]
    assert all(job.keeps_state for job in plan.jobs if job.makes)
    assert climb(jobs, plan.to_train) == Climb("epochs", 40, 30)
    assert planned_savings(plan) == 0, "no training is left out: each is shorter"


def test_what_differs_in_anything_else_is_another_ladder() -> None:
    jobs = jobs_of([{"lr": lr, "epochs": epochs} for lr in (1, 2) for epochs in (10, 20)])
    plan = make_plan(jobs, {})
    assert edges(plan)[hash_of(20, lr=2)] == hash_of(10, lr=2)
    assert climb(jobs, plan.to_train) == Climb("epochs", 40, 20)


def test_identities_are_those_without_rungs() -> None:
    assert (
        ladder(10, 20).base_models.keys()
        == jobs_of([{"lr": 1, "epochs": each} for each in (10, 20)], None).base_models.keys()
    )
    plan = make_plan(jobs_of([{"lr": 1, "epochs": each} for each in (10, 20)], None), {})
    assert not any(job.resumes or job.keeps_state or job.needs for job in plan.jobs if job.makes)


def test_each_training_is_told_its_own_epochs_whichever_job_comes_first() -> None:
    told = {base.rung: base.training for base in ladder(40, 10).base_models.values()}
    assert {rung: training and training["epochs"] for rung, training in told.items()} == {40: 40, 10: 10}


def test_a_rung_of_the_store_is_gone_on_from_though_no_job_names_it() -> None:
    jobs = climbing(ladder(40), manifest(20))
    plan = make_plan(jobs, {hash_of(20): "content"})
    assert edges(plan) == {hash_of(40): hash_of(20)} and plan.in_store == {hash_of(20): "content"}
    assert climb(jobs, plan.to_train) == Climb("epochs", 20, 20)
    again = plan.if_damaged[hash_of(20)]
    assert (again.makes, again.needs, again.keeps_state) == (hash_of(20), None, True)
    assert jobs.base_models[hash_of(20)].training == {"lr": 1, "epochs": 20, "mode": "base_only"}


def test_a_rung_below_the_one_at_home_is_trained_by_itself_and_that_is_said() -> None:
    jobs = climbing(ladder(20, 80), manifest(40))
    plan = make_plan(jobs, {hash_of(40): "content"})
    assert edges(plan) == {hash_of(20): None, hash_of(80): hash_of(40)}
    (note,) = notes_on_rungs(jobs, plan, manifest(40))
    assert note.startswith("epochs 20 is a rung below 40, which the store has")


def test_what_is_at_home_without_its_state_is_not_gone_on_from_and_that_is_said() -> None:
    stored = {**manifest(20, keeps_state=False), **manifest(10)}
    jobs = climbing(ladder(20, 40), stored)
    plan = make_plan(jobs, dict.fromkeys(stored, "content"))
    assert edges(plan) == {hash_of(40): hash_of(10)}
    (note,) = notes_on_rungs(jobs, plan, stored)
    assert "epochs 20 is in the store without the state" in note and "epochs 40 does not" in note
    assert [*notes_on_rungs(jobs_of([{"lr": 1, "epochs": 4}], None), plan, stored)] == []


def test_jobs_that_climb_by_another_field_stay_on_their_own_ladders() -> None:
    added = jobs_of([{"lr": 1, "epochs": 10, "steps": each} for each in (500, 600)], Rungs("steps"))
    others = tuple(replace(job, job_hash=f"added {job.job_hash}") for job in added.jobs)
    jobs = ladder(10, 20).with_more(replace(added, jobs=others))
    low, high = (hash_of(10, steps=each) for each in (500, 600))
    above = manifest(20, spec_hash=hash_of(20, steps=500))[hash_of(20)]
    above["config"] = {**above["config"], "steps": 500}
    linked = climbing(jobs, {above["spec_hash"]: above})
    found = edges(make_plan(linked, {}))
    assert found == {hash_of(10): None, hash_of(20): hash_of(10), low: None, high: low}
    assert climb(linked, found) == Climb("epochs", 20, 10)


def test_what_is_at_home_stays_linked_as_it_was_made() -> None:
    straight = climbing(ladder(20, 40), manifest(40))
    assert edges(make_plan(straight, {hash_of(40): "c"})) == {hash_of(20): None}
    assert straight.base_models[hash_of(40)].lower is None
    resumed = climbing(ladder(20, 40), {**manifest(20), **manifest(40, resumes_from=hash_of(20))})
    lower = resumed.base_models[hash_of(40)].lower
    assert lower and lower.spec_hash == hash_of(20)
    downwards = climbing(ladder(20, 40), {**manifest(20, resumes_from=hash_of(40)), **manifest(40)})
    assert all(base.lower is None for base in downwards.base_models.values()), "a manifest that errs"


def test_a_manifest_says_how_a_rung_was_trained() -> None:
    low, high = ladder(10, 20).base_models.values()
    assert of_manifest(low) == {"keeps_state": True, "resumes_from": None}
    assert of_manifest(high) == {"keeps_state": True, "resumes_from": low.spec_hash}
    assert high.described["resumes_from"] == low.spec_hash and "stage" not in high.described
    assert of_manifest(BaseModelSpec("x", {})) == {}


def test_a_damaged_rung_is_made_again_with_what_it_goes_on_from() -> None:
    plan = make_plan(ladder(10, 20), {hash_of(20): "c"})
    assert plan.to_train == (hash_of(10),)
    assert plan.if_damaged[hash_of(20)].resumes


def test_rungs_take_as_long_as_what_lies_between_them() -> None:
    kinds = [(job.kind, job.gpu_kind) for job in make_plan(ladder(10, 20, 40), {}).jobs if job.makes]
    assert kinds == [(f"base model, {more} more", "base model") for more in (10, 10, 20)]


def test_the_analysis_counts_no_rung_as_a_parent() -> None:
    jobs = ladder(10, 20, 40)
    found = analyze(jobs, {hash_of(10): 3600.0, hash_of(20): 7200.0})
    assert [(base.jobs, base.depth) for base in found.base_models] == [(3, 0), (2, 1), (1, 2)]
    assert (found.trainings_without_reuse, found.trainings_saved) == (6, 0)
    assert found.as_json()["rungs"] == {"field": "epochs", "trained": 40, "saved": 30}
    assert found.gpu_hours_saved == 1.0 and found.sharing_note == ""


def test_whole_numbers_from_1_are_rungs() -> None:
    assert [is_rung(value) for value in (1, 0, True, 2.0, "3", None)] == [True, *[False] * 5]


def test_ladders_may_be_long() -> None:
    jobs = ladder(*range(400, 0, -1))
    plan = make_plan(jobs, {})
    assert climb(jobs, plan.to_train) == Climb("epochs", 400, sum(range(1, 400)))


COUNTS = st.lists(st.integers(1, 60), min_size=1, max_size=8, unique=True)


@settings(max_examples=150)
@given(wanted=COUNTS, home=COUNTS, kept=st.sets(st.integers(1, 60)), copies=st.integers(1, 3))
def test_every_epoch_is_trained_once(wanted: list[int], home: list[int], kept: set[int], copies: int) -> None:
    """Whatever is wanted and at home, each rung is made once, from the highest below it that can be."""
    stored = {
        name: each for epochs in home for name, each in manifest(epochs, keeps_state=epochs in kept).items()
    }
    plain = jobs_of([{"lr": 1, "epochs": epochs, "_copy": n} for epochs in wanted for n in range(copies)])
    jobs = climbing(plain, stored)
    plan = make_plan(jobs, dict.fromkeys(stored, "content"))
    made = [job for job in plan.jobs if job.makes]
    assert {jobs.base_models[str(job.makes)].rung for job in made} == set(wanted) - set(home)
    assert len({job.makes for job in made}) == len(made) == len(set(wanted) - set(home))
    usable = (set(wanted) - set(home)) | (set(home) & kept)
    for job in made:
        base = jobs.base_models[str(job.makes)]
        below = [epochs for epochs in usable if epochs < base.rung]
        assert (base.lower.rung if base.lower else None) == (max(below) if below else None)
        assert base.spec_hash == spec_hash_of(base.config)
    found = climb(jobs, plan.to_train)
    assert found and found.trained + found.saved == sum(set(wanted) - set(home))
    assert edges(plan).keys().isdisjoint(stored)
