"""What is made of the words of `nvidia-smi` and `rocm-smi`, and what `worker_agent gpus` says of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.fake_gpus import GB, FakeGpus, gpu, uuid
from worker_agent import __main__ as program
from worker_agent.devices.gpu_tools import read_gpus
from worker_agent.devices.gpus import GpuError

ROCM = """
import json
print("WARNING: noise")
card = {"Card series": "MI300", "VRAM Total Memory (B)": "8", "VRAM Total Used Memory (B)": "1"}
print(json.dumps({"card0": card}))
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeGpus:
    fake = FakeGpus(tmp_path / "gpus", [gpu(0), gpu(1, mig="Enabled")])
    for name, value in fake.env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    return fake


def test_gpus_and_their_processes_are_read(fake: FakeGpus) -> None:
    fake.set(apps=[{"gpu_uuid": uuid(0), "pid": "7", "used_memory": 5}])
    found = read_gpus()
    assert found and found.tool == "nvidia-smi" and [one.index for one in found.gpus] == [0, 1]
    assert [process.pid for process in found.processes] == [7] and found.gpus[1].mig


def test_a_driver_that_knows_no_mig_is_asked_again(fake: FakeGpus) -> None:
    fake.set(old=True)
    found = read_gpus()
    assert found and not found.gpus[1].mig and len(fake.calls()) == 3


def test_a_machine_without_gpus_is_no_trouble(fake: FakeGpus) -> None:
    fake.set(say="No devices were found", code=6)
    found = read_gpus()
    assert found and found.gpus == ()


def test_a_tool_that_fails_or_hangs_is(fake: FakeGpus, monkeypatch: pytest.MonkeyPatch) -> None:
    fake.set(say="NVIDIA-SMI has failed because\nit could not", code=9)
    with pytest.raises(GpuError, match=r"nvidia-smi failed \(exit code 9\): NVIDIA-SMI has failed"):
        read_gpus()
    fake.set(say=None, hang=True)
    monkeypatch.setenv("TWOPHASE_GPU_QUERY_S", "0.2")
    with pytest.raises(GpuError, match=r"nvidia-smi does not answer within 0.2 s"):
        read_gpus()


def test_rocm_is_asked_where_there_is_no_nvidia(fake: FakeGpus) -> None:
    (fake.bin / "nvidia-smi").unlink()
    assert read_gpus() is None
    fake.program("rocm-smi", ROCM)
    found = read_gpus()
    assert found and found.tool == "rocm-smi" and found.gpus[0].name == "MI300"
    fake.program("rocm-smi", "import sys; sys.exit(3)")
    with pytest.raises(GpuError, match=r"rocm-smi failed \(exit code 3\): it said nothing"):
        read_gpus()


def test_the_report_tells_what_would_be_done(fake: FakeGpus, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["gpus", "--json", "--slots-per-gpu", "2"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["slots"] == ["gpu0.m0-31", "gpu0.m32-63"] and report["problem"] is None
    assert [one["state"] for one in report["gpus"]] == ["used", "left alone: cut into MIG devices"]
    assert 22 * GB < report["gpu_bytes"][0] < 24 * GB
    assert program.main(["gpus"]) == 0
    assert "nvidia-smi: 2 GPUs" in capsys.readouterr().out


def test_the_report_tells_what_is_wrong(fake: FakeGpus, capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["gpus", "--gpus", "3"]) == 1
    assert "there is no GPU 2" in capsys.readouterr().err
    assert program.main(["gpus", "--gpus", "0"]) == 0
    assert "left alone: cut into MIG devices" in capsys.readouterr().out
    assert program.main(["gpus", "--gpus", "0", "--slots-per-gpu", "99"]) == 1
    assert "slots_per_gpu is 99" in capsys.readouterr().err


@pytest.mark.parametrize(("job", "left"), [("", [0, 1]), ("17", [1])], ids=["a machine", "an allocation"])
def test_in_an_allocation_the_gpus_are_those_that_are_lent(
    fake: FakeGpus, monkeypatch: pytest.MonkeyPatch, job: str, left: list[int]
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    if job:
        monkeypatch.setenv("SLURM_JOB_ID", job)
    found = read_gpus()
    assert found and [one.index for one in found.gpus] == left


def test_in_an_allocation_without_gpus_none_is_taken_by_itself(
    fake: FakeGpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "SLURM_JOB_GPUS", "SLURM_STEP_GPUS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    found = read_gpus()
    assert found and found.unlent
