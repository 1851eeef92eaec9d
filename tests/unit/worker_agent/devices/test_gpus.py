"""GPUs: what the tools' words mean, and which devices follow."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.worker_agent.gpu_data import GB, gpu, reading
from worker_agent.core.shares import SHARES, Device, cpu_devices
from worker_agent.devices.gpus import (
    MIB,
    Gpu,
    GpuError,
    GpuProcess,
    Reading,
    driver_of,
    gpu_devices,
    names_of,
    parse_apps,
    parse_gpus,
    parse_rocm,
    visible_name,
)
from worker_agent.protocol.messages import BY_INDEX, BY_UUID

A, B = "GPU-aaaa", "GPU-bbbb"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        (f"0, {A}, RTX 4090, 24564, 300, [N/A]", Gpu(0, A, "RTX 4090", 24564 * MIB, 300 * MIB)),
        (f"3, {A}, H100, 81559, 0, Disabled", Gpu(3, A, "H100", 81559 * MIB, 0)),
        (f"1, {A}, A100, 40960, 5, Enabled", Gpu(1, A, "A100", 40960 * MIB, 5 * MIB, mig=True)),
        (
            f"0, {A}, RTX 4090, 24564, 300, 97, [N/A]",
            Gpu(0, A, "RTX 4090", 24564 * MIB, 300 * MIB, utilization=97),
        ),
        (
            f"0, {A}, H200, 143771, 0, 610.43.01, 12, Disabled",
            Gpu(0, A, "H200", 143771 * MIB, 0, utilization=12, driver="610.43.01"),
        ),
        (f"0, {A}, H200, 143771, 0, 550.54, 12", Gpu(0, A, "H200", 143771 * MIB, 0, False, 12, "550.54")),
        (f"1, {A}, A100, 40960, 5, [N/A], Enabled", Gpu(1, A, "A100", 40960 * MIB, 5 * MIB, mig=True)),
        (f"0, {A}, Tesla K80, 11441, 0, 12", Gpu(0, A, "Tesla K80", 11441 * MIB, 0, utilization=12)),
        (f"0, {A}, broken, 11441, 0, 4711", Gpu(0, A, "broken", 11441 * MIB, 0, utilization=100)),
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
    assert all(isinstance(found, Gpu) for found in parse_gpus(text))
    assert all(isinstance(found, GpuProcess) for found in parse_apps(text))


def test_rocm_tells_memory_in_bytes() -> None:
    card = {"Card Series": "MI250", "VRAM Total Memory (B)": "64", "VRAM Total Used Memory (B)": "3"}
    text = "WARNING: slow\n" + json.dumps({"card1": card, "card0": {}, "system": {"PID1": "python"}})
    assert parse_rocm(text) == [Gpu(0, "0", "AMD GPU", None, None), Gpu(1, "1", "MI250", 64, 3)]
    assert parse_rocm("") == []
    with pytest.raises(GpuError, match="rocm-smi answered what is no JSON"):
        parse_rocm("{card0")


def test_devices_are_called_as_the_driver_calls_their_gpus() -> None:
    found = reading(gpu(0), replace(gpu(1), name="H200", driver="610.43.01"))
    devices = [*gpu_devices(["1"], found, None, GB), *cpu_devices(1)]
    assert names_of(devices, found) == {"gpu1": "H200"} and driver_of(found) == "610.43.01"
    assert names_of(devices, None) == {} and driver_of(None) == driver_of(reading(gpu(0))) == ""


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


def visible(wanted: str, found: Reading | None, by: str = BY_INDEX) -> str | None:
    (device,) = gpu_devices([wanted], found, None, GB)
    return visible_name(device, found, by)


def test_cuda_is_told_the_index_where_it_is_certain_to_count_like_the_tool() -> None:
    two = reading(gpu(0), gpu(1))
    assert visible("GPU-1", two) == visible("1", two) == "1"
    assert visible("1", two, BY_UUID) == "GPU-1"
    assert visible("1", reading(gpu(0, mig=True), gpu(1))) == "GPU-1"
    assert visible("1", reading(gpu(1))) == "GPU-1", "the first one is lost"
    assert visible("MIG-7", two) == "MIG-7"
    assert visible("1", None) == "1", "no tool: at its word"
    assert visible_name(Device("cpu0"), two, BY_INDEX) is None


def test_a_gpu_that_moved_up_has_its_new_index() -> None:
    (device,) = gpu_devices(["1"], reading(gpu(0), gpu(1)), None, GB)
    moved = Gpu(0, "GPU-1", "card", 24 * GB, 0)
    assert visible_name(device, reading(moved), BY_INDEX) == "0"
    assert visible_name(device, reading(Gpu(0, "GPU-9", "card", 24 * GB, 0)), BY_INDEX) == "GPU-1"


def test_the_reserve_is_not_given_out() -> None:
    (device,) = gpu_devices(["auto"], reading(gpu(0, total=24 * GB)), None, 2 * GB)
    assert (device.memory, device.usual, device.gpu) == (22 * GB, SHARES, "GPU-0")
    (tiny,) = gpu_devices(["auto"], reading(gpu(0, total=GB)), None, 2 * GB)
    assert tiny.memory == 1


def test_of_gpus_that_are_not_lent_those_are_used_that_are_named() -> None:
    found = replace(reading(gpu(0), gpu(1)), unlent=True)
    assert gpu_devices(["auto"], found, None, GB) == []
    assert [device.gpu for device in gpu_devices(["1"], found, None, GB)] == ["GPU-1"]
