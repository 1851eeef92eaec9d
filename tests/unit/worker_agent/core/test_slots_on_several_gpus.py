"""Jobs on several GPUs beside jobs that share them."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from tests.unit.worker_agent.gpu_data import GB
from worker_agent.core import commands as cmd
from worker_agent.core import slot_assignment, transitions
from worker_agent.core.execution import Exit
from worker_agent.core.shares import SHARES, Device, device_of, devices_of, everything, mask_of, parts_of
from worker_agent.core.state import AgentState, Phase
from worker_agent.protocol.events import Ticks
from worker_agent.protocol.messages import Launch
from worker_agent.protocol.outcome import Outcome


def agent(count: int, per_gpu: int = 4) -> AgentState:
    usual = SHARES // per_gpu
    devices = [Device(f"gpu{index}", SHARES, usual, usual, 64 * GB) for index in range(count)]
    return AgentState(devices={device.name: device for device in devices})


def launch(state: AgentState, name: str, **more: Any) -> None:
    transitions.on_launch(state, Launch(name, 1, 2, ["x"], **more), 0.0)


def starts(state: AgentState) -> dict[str, str]:
    found = {item.launch.job_id: item.slot for item in state.outbox if isinstance(item, cmd.Start)}
    state.outbox.clear()
    return found


def end(state: AgentState, name: str) -> dict[str, str]:
    """End a job, and return what starts then, and where."""
    transitions.on_started(state, (name, 1), 1, Ticks(5, 6), 1.0)
    transitions.on_exit(state, Exit((name, 1), 0, None, 1.0), 2.0)
    return starts(state)


def test_a_job_gets_the_same_of_each() -> None:
    state = agent(3)
    launch(state, "a", gpus=2, gpu_bytes=16 * GB)
    launch(state, "b", gpus=3, gpu_bytes=40 * GB)
    assert starts(state) == {
        "a": "gpu0.m0-15,gpu1.m0-15",
        "b": "gpu0.m16-63,gpu1.m16-63,gpu2.m0-47",
    }
    assert slot_assignment.ours(state, state.devices["gpu2"]) == mask_of("gpu2.m0-47")


def test_what_it_had_is_free_on_all_of_them() -> None:
    state = agent(2, per_gpu=1)
    launch(state, "a", gpus=2)
    launch(state, "b", gpus=2)
    assert starts(state) == {"a": "gpu0,gpu1"}
    assert end(state, "a") == {"b": "gpu0,gpu1"}


def test_it_waits_for_gpus_that_are_left_alone() -> None:
    state = agent(2, per_gpu=1)
    state.closed = {"gpu1": "in use by bob"}
    launch(state, "a", gpus=2)
    assert starts(state) == {}
    slot_assignment.on_others(state, {}, {})
    assert starts(state) == {"a": "gpu0,gpu1"}


LACKS: dict[str, tuple[dict[str, int], dict[str, str], int]] = {
    "one is left alone": ({}, {"gpu1": "in use by bob"}, 2),
    "another run has one": ({"gpu1": mask_of("gpu1")}, {}, 2),
    "another run has part of one": ({"gpu1": 1}, {}, 2),
    "there are fewer than there were": ({}, {}, 3),
}


@pytest.mark.parametrize(("others", "closed", "gpus"), LACKS.values(), ids=LACKS.keys())
def test_what_is_not_ours_to_give_keeps_no_other_gpu_idle(
    others: dict[str, int], closed: dict[str, str], gpus: int
) -> None:
    state = agent(2, per_gpu=1)
    state.others, state.closed = others, closed
    launch(state, "wide", gpus=gpus, gpu_bytes=64 * GB)
    launch(state, "small")
    assert list(starts(state)) == ["small"]


def test_once_others_have_gone_it_keeps_what_it_needs() -> None:
    state = agent(2, per_gpu=1)
    state.others = {"gpu1": mask_of("gpu1")}
    launch(state, "wide", gpus=2)
    for name in ("s1", "s2"):
        launch(state, name)
    assert list(starts(state)) == ["s1"]
    slot_assignment.on_others(state, {}, {})
    assert starts(state) == {}
    assert end(state, "s1") == {"wide": "gpu0,gpu1"}


def test_small_jobs_that_keep_coming_do_not_starve_it_nor_it_them() -> None:
    state = agent(3, per_gpu=2)
    for number in range(6):
        launch(state, f"s{number}")
    running = starts(state)
    assert len(running) == 6
    launch(state, "wide", gpus=2, gpu_bytes=64 * GB)
    for number in range(6, 30):
        launch(state, f"s{number}")
    ended = 0
    while "wide" not in running:
        ended += 1
        name = min(running, key=lambda name: int(name[1:]))
        del running[name]
        running.update(end(state, name))
        assert ended <= 6, "the wide job starves"
    assert [name for name in running if name != "wide"], "the third GPU went on meanwhile"


def test_a_gpu_that_goes_takes_the_job_with_it() -> None:
    state = agent(2, per_gpu=1)
    launch(state, "a", gpus=2)
    transitions.on_started(state, ("a", 1), 1, Ticks(5, 6), 1.0)
    transitions.on_gpus_gone(state, ["gpu1"])
    assert state.attempts["a", 1].verdict is Outcome.LOST


@pytest.mark.parametrize("seed", range(30))
def test_no_share_is_given_twice_and_all_end(seed: int) -> None:
    chance = Random(seed)
    state = agent(chance.choice([2, 3, 4]), chance.choice([1, 2, 4]))
    names = [f"s{number}" for number in range(40)]
    waits: dict[str, int] = {}
    while names or state.slots:
        if names and chance.random() < 0.6:
            gpus = chance.choice([1, 1, 1, 2, len(state.devices)])
            launch(state, names.pop(), gpus=gpus, gpu_bytes=chance.choice([None, GB, 30 * GB]))
        elif state.slots:
            slot, key = chance.choice(sorted(state.slots.items()))
            assert (state.attempts[key].launch.gpus or 1) == len(set(devices_of(slot))) == len(parts_of(slot))
            end(state, key[0])
        assert shares_given_twice(state) == 0
        for attempt in state.attempts.values():
            if attempt.phase is Phase.QUEUED:
                waits[attempt.launch.job_id] = waits.get(attempt.launch.job_id, 0) + 1
    assert all(attempt.phase is Phase.COLLECTING for attempt in state.attempts.values())
    assert max(waits.values(), default=0) < 120


def shares_given_twice(state: AgentState) -> int:
    taken: dict[str, int] = {}
    twice = 0
    for part in (part for slot in state.slots for part in parts_of(slot)):
        mask = mask_of(part) & everything(state.devices[device_of(part)])
        twice |= taken.get(device_of(part), 0) & mask
        taken[device_of(part)] = taken.get(device_of(part), 0) | mask
    return twice
