"""Shares of a device: who gets how much of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.worker_agent.gpu_data import GB, SMALL
from worker_agent.core.shares import (
    SHARES,
    Device,
    choose,
    cpu_devices,
    device_of,
    everything,
    has_for,
    mask_of,
    shares_for,
    size,
    slot_name,
    usual_slots,
)

BIG = Device("gpu0", SHARES, SHARES, memory=64 * GB)


CUT = Device("gpu2", SHARES, SHARES // 3, SHARES // 3, memory=60 * GB)


@pytest.mark.parametrize(
    ("device", "need", "shares"),
    [
        (BIG, None, SHARES),
        (BIG, 1, 1),
        (BIG, GB, 1),
        (BIG, GB + 1, 2),
        (BIG, 64 * GB, SHARES),
        (BIG, 64 * GB + 1, None),
        (SMALL, GB, 8),
        (CUT, None, 21),
        (CUT, GB, 21),
        (CUT, 20 * GB, 42),
        (CUT, 60 * GB, SHARES),
        (Device("gpu0", SHARES, SHARES), GB, SHARES),
        (Device("cpu0"), 99 * GB, 1),
    ],
)
def test_a_job_takes_the_shares_that_hold_its_memory(device: Device, need: int, shares: int | None) -> None:
    assert shares_for(device, need, alone=False) == shares
    assert shares_for(device, None, alone=True) == device.shares


def test_the_emptiest_gpu_is_chosen() -> None:
    assert choose([SMALL, BIG], {}, GB, False) == "gpu0.m0"
    assert choose([SMALL, BIG], {"gpu0": everything(BIG)}, GB, False) == "gpu1.m0-7"
    assert choose([SMALL, BIG], {"gpu0": 1}, None, True) == "gpu1"
    assert choose([SMALL, BIG], {"gpu0": 1, "gpu1": 1}, None, True) is None
    assert choose([SMALL], {}, 9 * GB, False) is None
    assert choose(cpu_devices(2), {"cpu0": 1}, None, False) == "cpu1"


def test_usual_slots() -> None:
    assert usual_slots(BIG) == ["gpu0"]
    assert usual_slots(CUT) == ["gpu2.m0-20", "gpu2.m21-41", "gpu2.m42-62"]
    assert [slot for device in cpu_devices(2) for slot in usual_slots(device)] == ["cpu0", "cpu1"]


@given(st.integers(1, (1 << SHARES) - 1))
def test_a_slot_s_name_tells_its_shares(mask: int) -> None:
    name = slot_name(BIG, mask)
    assert (device_of(name), mask_of(name) & everything(BIG)) == ("gpu0", mask)


@given(st.lists(st.tuples(st.one_of(st.none(), st.integers(1, 70 * GB)), st.booleans()), max_size=40))
def test_no_share_is_given_out_twice(jobs: list[tuple[int | None, bool]]) -> None:
    taken: dict[str, int] = {}
    devices = {device.name: device for device in (BIG, SMALL, CUT)}
    for need, alone in jobs:
        slot = choose(devices.values(), taken, need, alone)
        if slot is None:
            continue
        device = devices[device_of(slot)]
        mask = mask_of(slot) & everything(device)
        assert not mask & taken.get(device.name, 0)
        assert need is None or device.memory is None or size(mask) * device.memory >= need * device.shares
        taken[device.name] = taken.get(device.name, 0) | mask


def test_a_device_has_for_a_job_what_others_leave_of_it() -> None:
    half = everything(BIG) >> SHARES // 2
    assert has_for(BIG, half, 32 * GB, alone=False) and not has_for(BIG, half, 33 * GB, alone=False)
    assert not has_for(BIG, 1, GB, alone=True) and has_for(BIG, 0, GB, alone=True)
    assert not has_for(BIG, 0, 65 * GB, alone=False)
