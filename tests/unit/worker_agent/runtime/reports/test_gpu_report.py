"""What `worker_agent gpus` says of each GPU."""

from __future__ import annotations

import argparse
import json
from typing import Any

import pytest

from worker_agent import __main__ as program
from worker_agent.core.shares import SHARES, Device
from worker_agent.core.state import AgentState
from worker_agent.devices.gpus import Gpu, GpuError, GpuProcess, Reading
from worker_agent.protocol.codec import MessageError
from worker_agent.runtime.reports import gpu_report as module
from worker_agent.runtime.reports.gpu_report import Report, run

GPU0 = Gpu(0, "GPU-a", "A100", 80 << 30, 1 << 30)
DEVICE = Device("gpu0", SHARES, SHARES // 2, 1, memory=64_000, gpu="0", lock="gpu0", watched=True)

DEVICES = {"gpu0": DEVICE}


def args(*words: str) -> argparse.Namespace:
    return program._parser().parse_args(["gpus", *words])


@pytest.mark.parametrize(
    ("words", "gpus"),
    [((), ["auto"]), (("--gpus", "3"), ["0", "1", "2"]), (("--gpus", "0, GPU-b,"), ["0", "GPU-b"])],
)
def test_gpus_are_named_as_in_the_cluster_config(words: tuple[str, ...], gpus: list[str]) -> None:
    assert module.settings_of(args(*words)).gpus == gpus


def test_settings_that_no_agent_takes_are_refused() -> None:
    with pytest.raises(MessageError, match="slots_per_gpu"):
        module.settings_of(args("--slots-per-gpu", "0"))


def test_processes_are_those_on_that_gpu() -> None:
    reading = Reading("nvidia-smi", (GPU0,), (GpuProcess("GPU-a", 7, None), GpuProcess("GPU-b", 8, None)))
    assert module._facts(GPU0, reading)["processes"] == [7]


@pytest.mark.parametrize(
    ("state", "mig", "said"),
    [
        (AgentState(), False, "left alone: not in the settings"),
        (AgentState(), True, "left alone: cut into MIG devices"),
        (AgentState(devices=DEVICES), False, "used"),
        (
            AgentState(devices=DEVICES, closed={"gpu0": "in use by alice"}),
            False,
            "left alone: in use by alice",
        ),
        (
            AgentState(devices=DEVICES, others={"gpu0": 7}),
            False,
            f"used, 3 of {SHARES} shares taken by other runs",
        ),
    ],
)
def test_what_would_be_done_with_a_gpu_is_said(state: AgentState, mig: bool, said: str) -> None:
    assert module._state({"index": 0, "mig": mig}, state) == said


def test_a_machine_without_gpus_shows_its_slots() -> None:
    assert module._lines(Report(slots=["cpu0", "cpu1"])) == [
        "no nvidia-smi, no rocm-smi: 0 GPUs",
        "slots: cpu0 cpu1",
    ]


def test_gpus_that_cannot_be_read_are_a_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> Any:
        raise GpuError("nvidia-smi gave no answer")

    monkeypatch.setattr(module, "read_gpus", fail)
    assert run(args()) == 1
    assert capsys.readouterr().err == "worker_agent: nvidia-smi gave no answer\n"
    assert run(args("--json")) == 1
    assert json.loads(capsys.readouterr().out)["problem"] == "nvidia-smi gave no answer"
