"""What readings mean for a GPU's slots."""

from __future__ import annotations

import pytest

from tests.unit.worker_agent.gpu_data import GB, gpu, reading
from worker_agent.devices.gpu_readings import GpuWatch, Standing
from worker_agent.devices.gpus import Gpu, GpuProcess, gpu_devices

A, B = "GPU-aaaa", "GPU-bbbb"


IDLE_S = 60.0


KEY = ("a", 1)


def watch(*gpus: Gpu) -> GpuWatch:
    return GpuWatch(gpu_devices(["auto"], reading(*gpus), None, GB), GB, IDLE_S)


def test_a_gpu_in_use_by_somebody_else_is_closed_until_it_has_been_idle() -> None:
    seen = watch(gpu(0))
    stranger = reading(gpu(0, used=5 * GB), processes=(GpuProcess("GPU-0", 7, 5 * GB),))
    assert seen.take(reading(gpu(0)), 0.0, Standing()).closed == {}
    closed = seen.take(stranger, 10.0, Standing(strangers={7: "bob"})).closed
    assert closed == {"gpu0": "in use by process 7 of bob (5.0 GB in use)"}
    assert "gpu0" in seen.take(reading(gpu(0)), 10.0 + IDLE_S - 1, Standing()).closed
    assert seen.take(reading(gpu(0)), 10.0 + IDLE_S, Standing()).closed == {}


def test_a_gpu_that_need_not_be_idle_for_long_is_closed_while_it_is_in_use() -> None:
    seen = GpuWatch(gpu_devices(["auto"], reading(gpu(0)), None, GB), GB, 0.0)
    assert seen.take(reading(gpu(0, used=5 * GB)), 1.0, Standing()).closed
    assert not seen.take(reading(gpu(0)), 2.0, Standing()).closed


@pytest.mark.parametrize(
    ("standing", "used", "closed"),
    [
        (Standing(), 5 * GB, True),
        (Standing(), GB, False),
        (Standing(held=frozenset({"gpu0"})), 5 * GB, False),
        (Standing(others=frozenset({"gpu0"})), 5 * GB, False),
        (Standing(strangers={7: "bob"}, held=frozenset({"gpu0"})), 5 * GB, True),
        (Standing(strangers={7: "bob"}), 0, True),
        (Standing(ours={7: KEY}, held=frozenset({"gpu0"})), 5 * GB, False),
        (Standing(servers=frozenset({7})), 5 * GB, False),
        (Standing(servers=frozenset({8})), 5 * GB, True),
    ],
)
def test_who_counts_as_somebody_else(standing: Standing, used: int, closed: bool) -> None:
    found = reading(gpu(0, used=used), processes=(GpuProcess("GPU-0", 7, used),))
    assert bool(watch(gpu(0)).take(found, 0.0, standing).closed) is closed


def test_a_gpu_is_gone_when_it_is_missing_twice_and_comes_back() -> None:
    seen = watch(gpu(0), gpu(1))
    both, one = reading(gpu(0), gpu(1)), reading(gpu(1))
    assert not seen.take(one, 0.0, Standing()).gone
    assert not seen.take(both, 1.0, Standing()).gone
    assert not seen.take(one, 2.0, Standing()).gone
    found = seen.take(one, 3.0, Standing())
    assert found.gone == {"gpu0"} and "no longer there" in found.closed["gpu0"]
    assert not seen.take(both, 4.0, Standing()).closed


SHARED = frozenset({"gpu0"})


@pytest.mark.parametrize(
    ("used", "processes", "standing", "free"),
    [
        (0, {}, Standing(), True),
        (5 * GB, {}, Standing(), False),
        (5 * GB, {7: 5 * GB}, Standing(running=SHARED), True),
        (9 * GB, {7: 5 * GB}, Standing(running=SHARED), False),
        (9 * GB, {7: None}, Standing(running=SHARED), True),
        (9 * GB, {7: None}, Standing(), False),
        (9 * GB, {}, Standing(running=SHARED), True),
        (None, {}, Standing(), True),
    ],
)
def test_memory_is_free_when_nothing_is_left_that_no_process_has(
    used: int | None, processes: dict[int, int | None], standing: Standing, free: bool
) -> None:
    there = tuple(GpuProcess("GPU-0", pid, size) for pid, size in processes.items())
    found = watch(gpu(0)).take(reading(gpu(0, used=used), processes=there), 0.0, standing)
    assert ("gpu0" in found.free) is free


def test_memory_is_summed_by_attempt() -> None:
    processes = (GpuProcess("GPU-0", 1, 3), GpuProcess("GPU-1", 2, 4), GpuProcess("GPU-0", 3, 9))
    standing = Standing(ours={1: KEY, 2: KEY, 4: ("b", 1)})
    found = watch(gpu(0), gpu(1)).take(reading(gpu(0), gpu(1), processes=processes), 0.0, standing)
    assert found.used == {KEY: 7}
