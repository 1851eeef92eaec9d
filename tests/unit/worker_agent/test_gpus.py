"""GPUs: what the tools' words mean, which devices follow, and what readings mean for their slots."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker_agent import commands as cmd
from worker_agent import core, placing
from worker_agent.executors.base import Exit
from worker_agent.gpu_watch import GpuWatch, Standing
from worker_agent.gpus import (
    MIB,
    Gpu,
    GpuError,
    GpuProcess,
    Reading,
    gpu_devices,
    parse_apps,
    parse_gpus,
    parse_rocm,
)
from worker_agent.protocol.messages import ALONE, Launch, Slots
from worker_agent.shares import (
    SHARES,
    Device,
    choose,
    cpu_devices,
    device_of,
    everything,
    mask_of,
    shares_for,
    size,
    slot_name,
    usual_slots,
)
from worker_agent.state import AgentState

GB = 1000**3
A, B = "GPU-aaaa", "GPU-bbbb"


def gpu(index: int, total: int | None = 24 * GB, used: int | None = 0, **more: Any) -> Gpu:
    return Gpu(index, f"GPU-{index}", "card", total, used, **more)


def reading(*gpus: Gpu, processes: tuple[GpuProcess, ...] = ()) -> Reading:
    return Reading("nvidia-smi", gpus, processes)


# --- what the tools say


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"0, {A}, RTX 4090, 24564, 300, [N/A]", Gpu(0, A, "RTX 4090", 24564 * MIB, 300 * MIB)),
        (f"3, {A}, H100, 81559, 0, Disabled", Gpu(3, A, "H100", 81559 * MIB, 0)),
        (f"1, {A}, A100, 40960, 5, Enabled", Gpu(1, A, "A100", 40960 * MIB, 5 * MIB, mig=True)),
        (f"0, {A}, Tesla K80, 11441, 0", Gpu(0, A, "Tesla K80", 11441 * MIB, 0)),
        (f"0, {A}, GB10, [N/A], [N/A], [N/A]", Gpu(0, A, "GB10", None, None)),
        (f"0, {A}, GT 710, [Not Supported], [Not Supported], [N/A]", Gpu(0, A, "GT 710", None, None)),
        ("1, [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost], [GPU is lost]", None),
        ("Unable to determine the device handle for GPU0000:04:00.0: Unknown Error", None),
        ("No devices were found", None),
        ("  MIG 1g.5gb Device 0: (UUID: MIG-1)", None),
        ("", None),
        ("\x00\xff, , , , ,", None),
        ("-1, GPU-x, n, 1, 1, x", None),
    ],
)
def test_a_line_is_a_gpu_or_nothing(line: str, found: Gpu | None) -> None:
    assert list(parse_gpus(line + "\n")) == ([found] if found else [])


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"{A}, 4711, 800", GpuProcess(A, 4711, 800 * MIB)),
        (f"{A}, 4711, [N/A]", GpuProcess(A, 4711, None)),
        ("[GPU is lost], 1, 1", None),
        (f"{A}, [N/A], [N/A]", None),
        (f"{A}, 4711", None),
    ],
)
def test_a_line_is_a_process_or_nothing(line: str, found: GpuProcess | None) -> None:
    assert list(parse_apps(line)) == ([found] if found else [])


@given(st.text())
def test_garbage_is_passed_over(text: str) -> None:
    list(parse_gpus(text))
    list(parse_apps(text))


def test_rocm_tells_memory_in_bytes() -> None:
    card = {"Card Series": "MI250", "VRAM Total Memory (B)": "64", "VRAM Total Used Memory (B)": "3"}
    text = "WARNING: slow\n" + json.dumps({"card1": card, "card0": {}, "system": {"PID1": "python"}})
    assert parse_rocm(text) == [Gpu(0, "0", "AMD GPU", None, None), Gpu(1, "1", "MI250", 64, 3)]
    assert parse_rocm("") == []
    with pytest.raises(GpuError, match="rocm-smi answered what is no JSON"):
        parse_rocm("{card0")


# --- which devices


def names(*wanted: str, found: Reading | None, per_gpu: int | None = None) -> list[str]:
    return [device.name for device in gpu_devices(wanted, found, per_gpu, GB)]


@pytest.mark.parametrize("count", [0, 1, 2, 4, 8])
def test_auto_is_all_that_there_are(count: int) -> None:
    found = reading(*(gpu(index) for index in range(count)))
    assert names("auto", found=found) == [f"gpu{index}" for index in range(count)]


def test_a_list_narrows() -> None:
    found = reading(*(gpu(index) for index in range(4)))
    assert names("2", "GPU-0", found=found) == ["gpu2", "gpu0"]
    assert names("1", "GPU-1", found=found) == ["gpu1"]


def test_what_does_not_exist_is_named_with_what_does() -> None:
    with pytest.raises(GpuError, match=r"no GPU 1, GPU-9; nvidia-smi knows 0 \(card, GPU-0\)"):
        names("0", "1", "GPU-9", found=reading(gpu(0)))
    with pytest.raises(GpuError, match=r"no GPU 0; nvidia-smi knows none"):
        names("0", found=reading())


def test_without_a_tool_names_are_taken_at_their_word() -> None:
    assert names("auto", found=None) == []
    (device,) = gpu_devices(["3"], None, None, GB)
    assert (device.gpu, device.memory, device.watched) == ("3", None, False)


def test_mig_is_left_alone_unless_it_is_named() -> None:
    found = reading(gpu(0, mig=True), gpu(1))
    assert names("auto", found=found) == ["gpu1"]
    (device,) = gpu_devices(["MIG-1"], found, None, GB)
    assert (device.gpu, device.watched) == ("MIG-1", False)


def test_the_reserve_is_not_given_out() -> None:
    (device,) = gpu_devices(["auto"], reading(gpu(0, total=24 * GB)), None, 2 * GB)
    assert (device.memory, device.usual, device.gpu) == (22 * GB, SHARES, "GPU-0")
    (tiny,) = gpu_devices(["auto"], reading(gpu(0, total=GB)), None, 2 * GB)
    assert tiny.memory == 1


# --- shares


BIG = Device("gpu0", SHARES, SHARES, memory=64 * GB)
SMALL = Device("gpu1", SHARES, SHARES, memory=8 * GB)
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


# --- the queue


GPUS = [Device("gpu0", SHARES, SHARES, memory=64 * GB, watched=True)]


def agent(devices: list[Device] = GPUS) -> AgentState:
    return AgentState(devices={device.name: device for device in devices})


def launch(state: AgentState, name: str, gigabytes: float | None = None, **more: Any) -> None:
    need = None if gigabytes is None else int(gigabytes * GB)
    core.on_launch(state, Launch(name, 1, 2, ["x"], gpu_bytes=need, **more), 0.0)


def starts(state: AgentState) -> dict[str, str]:
    """Return what has been started since the last call, and where."""
    found = {item.launch.job_id: item.slot for item in state.outbox if isinstance(item, cmd.Start)}
    state.outbox.clear()
    return found


def end(state: AgentState, name: str) -> None:
    core.on_started(state, (name, 1), {"pid": 1}, 1.0)
    core.on_exit(state, Exit((name, 1), 0, None, 1.0), 2.0)


def test_jobs_are_packed_while_they_fit() -> None:
    state = agent()
    for name, need in (("a", 16), ("b", 16), ("c", 40), ("d", 1)):
        launch(state, name, need)
    assert starts(state) == {"a": "gpu0.m0-15", "b": "gpu0.m16-31"}
    end(state, "a")
    assert starts(state) == {}
    placing.on_memory_free(state, "gpu0.m0-15")
    assert starts(state) == {"c": "gpu0.m0-15+32-55", "d": "gpu0.m56"}


def test_a_job_that_fits_only_elsewhere_is_not_held_up() -> None:
    state = agent([*GPUS, SMALL])
    launch(state, "a", gpu_use=ALONE)
    launch(state, "b", 40)
    launch(state, "c", 4)
    assert starts(state) == {"a": "gpu0", "c": "gpu1.m0-31"}


def test_a_slot_is_given_out_again_when_its_memory_is_free() -> None:
    state = agent()
    launch(state, "a")
    launch(state, "b")
    assert starts(state) == {"a": "gpu0"}
    end(state, "a")
    assert [item for item in state.outbox if isinstance(item, (cmd.Drain, cmd.FreeSlot))] == [
        cmd.Drain("gpu0")
    ]
    state.outbox.clear()
    placing.on_memory_free(state, "gpu0")
    assert cmd.FreeSlot("gpu0") in state.outbox
    assert starts(state) == {"b": "gpu0"}
    placing.on_memory_free(state, "gpu0")
    assert starts(state) == {}


def test_others_and_closed_gpus_are_not_used() -> None:
    state = agent()
    placing.on_others(state, {"gpu0": 0xFF}, {})
    (said,) = state.outbox
    assert isinstance(said, cmd.Send) and said.message == Slots(0.125)
    launch(state, "a", 60)
    launch(state, "b", 1)
    assert starts(state) == {}
    placing.on_others(state, {"gpu0": 0}, {"gpu0": "in use by bob"})
    (said,) = state.outbox
    assert isinstance(said, cmd.Send)
    assert said.message == Slots(1.0, ["gpu0 is left alone: in use by bob"])
    placing.on_others(state, {"gpu0": 0}, {})
    assert starts(state) == {"a": "gpu0.m0-59", "b": "gpu0.m60"}


def test_jobs_on_a_gpu_that_has_gone_are_lost() -> None:
    state = agent()
    launch(state, "a")
    core.on_started(state, ("a", 1), {"pid": 1}, 1.0)
    state.outbox.clear()
    core.on_gpus_gone(state, ["gpu1"])
    assert state.outbox == []
    core.on_gpus_gone(state, ["gpu0"])
    core.on_gpus_gone(state, ["gpu0"])
    assert state.outbox == [cmd.Stop(("a", 1))]
    outcome = ended(state, "a", -9, "")
    assert outcome["outcome"] == "lost" and "GPU of slot gpu0 is gone" in outcome["error"]


def ended(state: AgentState, name: str, code: int, tail: str) -> dict[str, Any]:
    done = Exit((name, 1), code, None, 1.0)
    core.on_exit(state, done, 2.0)
    state.outbox.clear()
    core.on_collected(state, done, cmd.Collected(stderr_tail=tail), 3.0)
    (record,) = [item for item in state.outbox if isinstance(item, cmd.Record)]
    return dict(record.event.detail)


@pytest.mark.parametrize(
    ("tail", "outcome"),
    [
        ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", "out_of_memory"),
        ("torch.cuda.OutOfMemoryError: …", "out_of_memory"),
        ("RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling cublasCreate", "out_of_memory"),
        ("RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8 bytes", "out_of_memory"),
        ("HIP out of memory", "out_of_memory"),
        ("CUDA driver error: CUDA_ERROR_OUT_OF_MEMORY", "out_of_memory"),
        ("ValueError: no", "failed"),
        ("MemoryError", "failed"),
    ],
)
def test_a_job_that_ran_out_of_gpu_memory_says_so(tail: str, outcome: str) -> None:
    state = agent()
    launch(state, "a")
    core.on_started(state, ("a", 1), {"pid": 1}, 1.0)
    placing.on_gpu_memory(state, {("a", 1): 5, ("gone", 1): 6})
    placing.on_gpu_memory(state, {("a", 1): 3})
    detail = ended(state, "a", 1, tail)
    assert (detail["outcome"], detail["peak_gpu_bytes"]) == (outcome, 5)


def test_on_a_cpu_nothing_runs_out_of_gpu_memory() -> None:
    state = agent(cpu_devices(1))
    launch(state, "a")
    core.on_started(state, ("a", 1), {"pid": 1}, 1.0)
    assert ended(state, "a", 1, "CUDA out of memory")["outcome"] == "failed"


# --- readings


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
