"""What `run_all_training` finds of this machine's GPUs."""

from __future__ import annotations

from pathlib import Path

import pytest

from master.orchestrator.resources import find_gpus
from tests.support.fake_gpus import FakeGpus, gpu

GPUS_HERE = {
    "two": ({}, None, [("0", 24000), ("1", 8000)]),
    "one is hidden": ({}, "1", [("1", 8000)]),
    "no devices": ({"say": "No devices were found\n", "code": 6}, None, []),
    "a broken driver": ({"say": "NVIDIA-SMI has failed\n", "code": 9}, None, []),
}


@pytest.mark.parametrize(("tells", "visible", "expected"), GPUS_HERE.values(), ids=GPUS_HERE)
def test_the_gpus_of_this_machine_are_those_that_an_agent_sees(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tells: dict[str, object],
    visible: str | None,
    expected: list[tuple[str, int]],
) -> None:
    fake = FakeGpus(tmp_path / "gpus", [gpu(0, 24), gpu(1, 8)])
    fake.set(**tells)
    monkeypatch.setenv("PATH", fake.env["PATH"])
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    found = [(each.index, (each.memory_mib or 0) * 2**20 // 10**6) for each in find_gpus()]
    assert [(index, round(size, -2)) for index, size in found] == expected
