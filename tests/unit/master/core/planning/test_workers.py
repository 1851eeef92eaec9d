"""What is known of workers before any was asked."""

from __future__ import annotations

from typing import Any

import pytest

from master.core.planning.workers import PlannedWorker, planned_workers
from master.specs import ClusterSpec, ServerSpec
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
