from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.worker_agent.gpu_data import GB, gpu
from worker_agent.devices.gpus import Reading, gpu_devices, visible_name
from worker_agent.devices.lent_gpus import lent, within
from worker_agent.protocol.messages import BY_INDEX

THREE = Reading("nvidia-smi", tuple(gpu(index) for index in range(3)))
JOB = {"SLURM_JOB_ID": "17"}


@pytest.mark.parametrize(
    ("visible", "left"),
    [
        ("1,2", [1, 2]),
        (" 2 ", [2]),
        ("'0,2'", [0, 2]),
        ("", []),
        ("NoDevFiles", []),
        ("GPU-", []),
        ("7", []),
    ],
)
def test_an_allocation_has_the_gpus_that_it_names(visible: str, left: list[int]) -> None:
    found = lent(THREE, {**JOB, "CUDA_VISIBLE_DEVICES": visible})
    assert [one.index for one in found.gpus] == left and not found.unlent


@pytest.mark.parametrize("variables", [{}, {"CUDA_VISIBLE_DEVICES": "1"}, {"SLURM_JOB_GPUS": "1"}])
def test_a_machine_that_nobody_has_lent_has_all(variables: dict[str, str]) -> None:
    assert lent(THREE, variables) == THREE


@pytest.mark.parametrize(
    ("variables", "left"),
    [
        ({"SLURM_JOB_GPUS": "1"}, [1]),
        ({"SLURM_JOB_GPUS": "0,1", "SLURM_STEP_GPUS": "1"}, [1]),
        ({"SLURM_JOB_GPUS": "5,6,7"}, [0, 1, 2]),  # the others are hidden: numbers are the node's
        ({"GPU_DEVICE_ORDINAL": "2", "SLURM_JOB_GPUS": "5"}, [2]),
        ({"CUDA_VISIBLE_DEVICES": "0", "SLURM_JOB_GPUS": "5"}, [0]),
    ],
)
def test_where_one_variable_is_missing_another_tells(variables: dict[str, str], left: list[int]) -> None:
    found = lent(THREE, {**JOB, **variables})
    assert [one.index for one in found.gpus] == left and not found.unlent


def test_an_amd_gpu_is_named_by_a_variable_of_its_own() -> None:
    found = replace(THREE, tool="rocm-smi")
    assert lent(found, {**JOB, "ROCR_VISIBLE_DEVICES": "1", "CUDA_VISIBLE_DEVICES": "0"}).gpus == (gpu(1),)


@pytest.mark.parametrize("variables", [{}, {"SLURM_JOB_GPUS": ""}, {"SLURM_GPUS_ON_NODE": "0"}])
def test_gpus_of_which_slurm_says_nothing_are_not_ours(variables: dict[str, str]) -> None:
    assert lent(THREE, {**JOB, **variables}) == replace(THREE, unlent=True)
    none = replace(THREE, gpus=())
    assert lent(none, JOB) == none


def test_mig_devices_that_are_lent_are_used_by_auto_and_those_of_others_are_not() -> None:
    cut = replace(THREE, gpus=(gpu(0, mig=True), gpu(1)))
    found = lent(cut, {**JOB, "CUDA_VISIBLE_DEVICES": "MIG-7,MIG-7,MIG-8"})
    devices = gpu_devices(["auto"], found, None, GB)
    assert [(device.gpu, device.watched) for device in devices] == [("MIG-7", False), ("MIG-8", False)]
    assert [visible_name(device, found, BY_INDEX) for device in devices] == ["MIG-7", "MIG-8"]
    assert gpu_devices(["auto"], lent(cut, JOB), None, GB) == []


def test_a_gpu_may_be_named_by_the_beginning_of_its_uuid() -> None:
    named = replace(gpu(1), uuid="GPU-abcd")
    found = Reading("nvidia-smi", (gpu(0), named))
    for name in ("GPU-abcd", "GPU-ab"):
        assert within(found, name).gpus == (named,)
