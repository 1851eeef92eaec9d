"""What is known of workers before any was asked."""

from __future__ import annotations

from typing import Any

import pytest

from master.core.planning.workers import PlannedWorker, machines_of, planned_workers
from master.specs import ClusterSpec, PoolSpec, ServerSpec
from worker_agent.protocol.messages import Settings


@pytest.mark.parametrize(
    ("settings", "slots", "gpus"),
    [
        ({"gpus": ["auto"]}, None, None),
        ({"gpus": ["auto"], "slots_per_gpu": 2}, None, None),
        ({"gpus": ["0", "1"]}, 2, 2),
        ({"gpus": ["0", "1"], "slots_per_gpu": 3}, 6, 2),
        ({"cpu_slots": 4}, 4, 0),
        ({}, None, 0),
    ],
)
def test_a_worker_has_the_slots_that_its_config_tells(
    settings: dict[str, Any], slots: int | None, gpus: int | None
) -> None:
    cluster = ClusterSpec((ServerSpec("lab1", "lab1.org", agent=Settings(**settings)),))
    assert planned_workers(cluster) == [PlannedWorker("lab1", slots, gpus)]


def test_a_pool_stands_for_its_seats_and_seats_are_no_machines_of_their_own() -> None:
    pool = PoolSpec("hpc", ServerSpec("login", "login", agent=Settings(gpus=["auto"])), 8, 14400.0)
    on_cpus = PoolSpec("cpu", ServerSpec("login", "login"), 1, 5400.0)
    lab1 = ServerSpec("lab1", "lab1", agent=Settings(gpus=["0"]))
    cluster = ClusterSpec((lab1, *pool.all_seats, *on_cpus.all_seats), pools=(pool, on_cpus))
    assert machines_of(cluster) == [lab1]
    assert planned_workers(cluster) == [
        PlannedWorker("lab1", 1, 1),
        PlannedWorker("hpc", None, None, lent="8 seats for 4h each"),
        PlannedWorker("cpu", None, 0, lent="1 seat for 90m"),
    ]
