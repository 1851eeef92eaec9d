"""A worker that claims what cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from master.adapters.agent_client import MOST_SLOTS, most_slots
from master.adapters.inbox import to_event
from master.core.running import events as ev
from tests.support.courier_world import BASE, SPEC, WELCOME, CourierWorld
from worker_agent.protocol.messages import Settings


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CourierWorld]:
    found = CourierWorld(tmp_path)
    yield found
    found.courier.close()


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        (Settings(cpu_slots=3), 3),
        (Settings(), MOST_SLOTS),
        (Settings(gpus=["0", "1"], slots_per_gpu=4), 8),
        (Settings(gpus=["0", "1"]), MOST_SLOTS),
        (Settings(gpus=["auto"], slots_per_gpu=4), MOST_SLOTS),
    ],
    ids=["cores", "unsaid", "GPUs", "shared GPUs", "all GPUs"],
)
def test_no_worker_has_more_slots_than_its_config_gives(settings: Settings, most: int) -> None:
    assert most_slots(settings) == most
    claimed = replace(WELCOME, slots=[f"cpu{number}" for number in range(5000)])
    event = to_event("lab1", claimed, 1.0, most_slots(settings))
    assert isinstance(event, ev.WorkerUp) and event.slots == most


@pytest.mark.parametrize("also", [{}, {"files": []}, {"log": None}], ids=str)
def test_a_base_model_that_is_none_starts_no_experiment(world: CourierWorld, also: dict[str, object]) -> None:
    world.collect(also, job_id=BASE)
    failed = world.event()
    assert isinstance(failed, ev.CollectionFailed) and "has no base model of it" in failed.problem
    assert not world.layout.base_model(SPEC).exists()
