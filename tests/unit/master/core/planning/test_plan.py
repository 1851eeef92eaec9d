"""Which jobs a jobs file makes, and what is known of workers before any is tried."""

from __future__ import annotations

import dataclasses

from master.core.planning.plan import Job, arranged, base_model_job_id, make_plan, planned_savings
from master.core.planning.resources import NO_RESOURCES, Resources
from master.core.planning.workers import PlannedWorker, planned_workers
from master.specs import ClusterSpec, Config, ServerSpec
from tests.support.scripted_run import jobs_spec
from worker_agent.protocol.messages import AUTO, Settings
from worker_agent.protocol.terms import NO_LIMITS


def test_a_base_model_needs_as_much_gpu_memory_as_the_largest_of_its_jobs() -> None:
    jobs = jobs_spec(3, 1)
    sizes: list[Config] = [{"gpu_memory": "2GB"}, {"gpu_memory": "5GB"}, {}]
    given = [dataclasses.replace(one, config=config) for one, config in zip(jobs.jobs, sizes, strict=True)]
    plan = make_plan(dataclasses.replace(jobs, jobs=tuple(given)), {})
    (base,) = [job for job in plan.jobs if job.phase == 1]
    assert base.gpu_bytes == 5_000_000_000


def test_a_base_model_runs_where_all_of_its_jobs_may_and_is_as_urgent_as_the_most_urgent() -> None:
    jobs = jobs_spec(3, 1)
    needs: list[Config] = [
        {"resources": {"labels": ["a", "b"], "cpus": 2, "gpu_memory": "2GB", "priority": -1}},
        {"resources": {"labels": ["b"], "cpus": 8, "memory": "1GB", "gpus": 1}},
        {"resources": {"labels": ["b", "c"], "priority": 3}, "gpu_memory": "1GB"},
    ]
    given = [dataclasses.replace(one, config=config) for one, config in zip(jobs.jobs, needs, strict=True)]
    base, first, _, last = make_plan(dataclasses.replace(jobs, jobs=tuple(given)), {}).jobs
    assert base.resources == Resources(frozenset("b"), cpus=8, memory=10**9, gpus=1, priority=3)
    assert first.resources.limits == base.resources.limits == NO_LIMITS
    assert (base.gpu_bytes, first.gpu_bytes, last.gpu_bytes) == (2 * 10**9, 2 * 10**9, 10**9)
    assert last.resources == Resources(frozenset("bc"), priority=3)


def test_base_models_alone_need_the_labels_of_phase_1() -> None:
    plan = make_plan(jobs_spec(3, 1), {}, ["trusted"])
    assert [job.resources.labels for job in plan.jobs] == [{"trusted"}, set(), set(), set()]


def test_a_base_model_of_the_store_would_be_trained_again_by_the_same_workers() -> None:
    jobs = jobs_spec(3, 1)
    (spec_hash,) = jobs.base_models
    plan = make_plan(jobs, {spec_hash: "c" * 64}, ["trusted"])
    assert plan.to_train == () and plan.in_store == {spec_hash: "c" * 64}
    assert (plan.if_damaged[spec_hash],) == make_plan(jobs, {}, ["trusted"]).jobs[:1]


def test_jobs_that_need_nothing_share_one_object() -> None:
    jobs = make_plan(jobs_spec(3, 1), {}).jobs
    assert all(job.resources is NO_RESOURCES for job in jobs)


def test_workers_are_planned_as_far_as_their_settings_tell() -> None:
    cluster = ClusterSpec(
        (
            ServerSpec("a", "a", agent=Settings(gpus=["0", "3"], slots_per_gpu=2)),
            ServerSpec("b", "b", agent=Settings(gpus=[AUTO])),
            ServerSpec("c", "c", agent=Settings(cpu_slots=5)),
        )
    )
    assert planned_workers(cluster) == [
        PlannedWorker("a", 4, 2),
        PlannedWorker("b", None, None),
        PlannedWorker("c", 5, 0),
    ]


def line() -> tuple[dict[str, Job], list[Job]]:
    """A root with a child and a grandchild, of which two experiments start, and a third one of the root."""
    parents = {"a": None, "b": "a", "c": "b"}
    trainings = {
        spec: Job(base_model_job_id(spec), phase=1, needs=parent, makes=spec)
        for spec, parent in parents.items()
    }
    return trainings, [Job(name, phase=2, needs=spec) for name, spec in (("1", "c"), ("2", "c"), ("3", "a"))]


def test_ancestors_are_trained_before_what_starts_from_them() -> None:
    plan = arranged(*line(), {})
    assert plan.to_train == ("a", "b", "c") and not plan.if_damaged
    assert list(plan.ancestors(plan.jobs[3])) == ["c", "b", "a"] and plan.generation("c") == 3
    assert planned_savings(plan) == 3 + 3 + 1 - 3


def test_a_base_model_of_the_store_needs_no_ancestor_but_to_be_made_again() -> None:
    trainings, experiments = line()
    plan = arranged(trainings, experiments[:2], {"c": "c#1", "a": "a#1"})
    assert plan.to_train == () and plan.in_store == {"c": "c#1", "a": "a#1"}
    assert plan.if_damaged == trainings
    assert planned_savings(plan) == 6
    assert arranged(trainings, experiments, {"b": "b#1"}).to_train == ("a", "c")
