"""What `worker_agent usage` tells of a machine."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import pytest

from worker_agent import __main__ as program
from worker_agent.devices.gpus import Gpu, GpuError, GpuProcess, Reading
from worker_agent.protocol.codec import parse
from worker_agent.protocol.looks.machine import GpuNow, GpuUser, MachineNow
from worker_agent.runtime.reports import usage_report as module
from worker_agent.runtime.reports.gpu_report import Report
from worker_agent.runtime.reports.usage_report import run

GPU0 = Gpu(0, "GPU-a", "A100", 80 << 30, 1 << 30, utilization=42)


def args(*words: str) -> argparse.Namespace:
    return program._parser().parse_args(["usage", *words])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MEASURED_S", 0.0)
    monkeypatch.setattr(module.processes, "owner_of", lambda pid: 2**31)
    monkeypatch.setattr(module.processes, "name_of", lambda pid: b"python")


def told(capsys: pytest.CaptureFixture[str]) -> MachineNow:
    return parse(MachineNow, json.loads(capsys.readouterr().out)["machine"])


@pytest.mark.usefixtures("quick")
def test_gpus_are_told_with_who_uses_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def look(settings: Any, report: Report, state: Any) -> Reading:
        report.gpus, report.slots = [{"index": 0, "state": "used"}], ["gpu0.m0-31", "gpu0.m32-63"]
        return Reading("nvidia-smi", (GPU0,), (GpuProcess("GPU-a", 7, 5), GpuProcess("GPU-b", 8, None)))

    monkeypatch.setattr(module, "look", look)
    assert run(args("--folder", str(tmp_path / "not" / "there"), "--folder", str(tmp_path))) == 0
    machine = told(capsys)
    users = [GpuUser(7, f"user {2**31}", "python", 5)]
    assert machine.gpus == [GpuNow(0, "A100", 42, 1 << 30, 80 << 30, "used", users)]
    assert (machine.slots, machine.slots_taken, machine.problem) == (2, 0.0, "")
    assert len(machine.disks) == 1 and machine.disks[0].total_bytes > 0 and machine.cores > 0


@pytest.mark.usefixtures("quick")
def test_each_gpu_has_its_own_users_however_many_others_have(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    others = tuple(GpuProcess("GPU-b", pid, None) for pid in range(100, 200))
    reading = Reading("nvidia-smi", (GPU0,), (*others, GpuProcess("GPU-a", 7, 5)))
    monkeypatch.setattr(module, "look", lambda *_: reading)
    assert run(args()) == 0
    assert [user.pid for user in told(capsys).gpus[0].users] == [7]


@pytest.mark.usefixtures("quick")
def test_gpus_that_cannot_be_read_do_not_hide_the_rest(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def look(settings: Any, report: Report, state: Any) -> Reading:
        raise GpuError("nvidia-smi does not answer within 15 s")

    monkeypatch.setattr(module, "look", look)
    assert run(args()) == 0
    machine = told(capsys)
    assert "does not answer" in machine.problem and machine.hostname and not machine.gpus


@pytest.mark.usefixtures("quick")
def test_it_goes_on_until_nobody_listens(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    listening = iter([False, False, True])
    monkeypatch.setattr(module, "_ends_within", lambda seconds, *, listens: listens and next(listening))
    monkeypatch.setattr(module, "look", lambda settings, report, state: None)
    assert run(args("--every", "3")) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2
