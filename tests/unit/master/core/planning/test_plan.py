"""Which tasks a jobs file makes, and what is known of workers before any is tried."""

from __future__ import annotations

import dataclasses

from master.core.planning.plan import make_plan
from master.core.planning.workers import PlannedWorker, planned_workers
from master.specs import ClusterSpec, Config, ServerSpec
from tests.support.scripted_run import jobs_spec
from worker_agent.protocol.messages import AUTO, Settings


def test_a_base_model_needs_as_much_gpu_memory_as_the_largest_of_its_jobs() -> None:
    jobs = jobs_spec(3, 1)
    sizes: list[Config] = [{"gpu_memory": "2GB"}, {"gpu_memory": "5GB"}, {}]
    given = [dataclasses.replace(one, config=config) for one, config in zip(jobs.jobs, sizes, strict=True)]
    plan = make_plan(dataclasses.replace(jobs, jobs=tuple(given)), {})
    (base,) = [task for task in plan.tasks if task.phase == 1]
    assert base.gpu_bytes == 5_000_000_000


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
