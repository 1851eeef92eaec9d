"""GPUs: none to four of them are told rightly, and what a scheduler gave is never written over."""

from __future__ import annotations

import os
from types import SimpleNamespace

import pytest
import torch

from trainers.common.errors import BadInput
from trainers.tabular.gpus import VISIBLE, chosen_devices, told_gpus


@pytest.fixture(autouse=True)
def scheduler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VISIBLE, raising=False)


def machine(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: count > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    facts = SimpleNamespace(name="NVIDIA H100", total_memory=80 << 30)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda number: facts)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_each_gpu_is_told_and_whether_training_in_parallel_is_possible(
    monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    machine(monkeypatch, count)
    lines = told_gpus().splitlines()
    assert lines[:-1] == [f"GPU {number} (cuda:{number}): NVIDIA H100, 80.0 GiB" for number in range(count)]
    if count > 1:
        assert lines[-1] == f"✓ Parallel training on {count} GPUs is possible!"
    else:
        assert lines[-1].startswith(f"⚠ Only {count} GPU(s) available")


@pytest.mark.parametrize("count", [0, 1, 2, 3, 4])
def test_all_gpus_are_used_or_the_first_or_the_cpu(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    machine(monkeypatch, count)
    names = [f"cuda:{number}" for number in range(count)] or ["cpu"]
    assert [str(one) for one in chosen_devices("auto", None, parallel=True)] == names
    assert [str(one) for one in chosen_devices("auto", None, parallel=False)] == names[:1]
    assert [str(one) for one in chosen_devices("cpu", None, parallel=True)] == ["cpu"]


def test_gpus_are_chosen_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, 4)
    assert [str(one) for one in chosen_devices("auto", (1, 2, 1), parallel=True)] == ["cuda:1", "cuda:2"]
    assert [str(one) for one in chosen_devices("auto", (3, 2), parallel=False)] == ["cuda:3"]


def test_a_gpu_that_is_not_seen_is_told_with_what_a_scheduler_gave(monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, 2)
    with pytest.raises(BadInput, match="--gpus 2: this process sees 2 GPUs; --check-gpus"):
        chosen_devices("auto", (1, 2), parallel=True)
    monkeypatch.setenv(VISIBLE, "5,7")
    with pytest.raises(BadInput, match=r"sees 2 GPUs \(CUDA_VISIBLE_DEVICES is '5,7', and numbers count"):
        chosen_devices("auto", (5,), parallel=True)
    assert told_gpus().startswith("CUDA_VISIBLE_DEVICES is '5,7': GPUs are numbered among these")
    assert os.environ[VISIBLE] == "5,7"
