"""A master hears every few seconds how busy its worker is."""

from __future__ import annotations

from typing import Any

import pytest

from worker_agent.devices.gpus import Gpu, Reading
from worker_agent.protocol.reports import GpuUse, Usage
from worker_agent.runtime.effects import usage as module
from worker_agent.runtime.effects.usage import EVERY_S, UsageReports

GPUS = (Gpu(0, "GPU-a", "A100", 80, 20, utilization=93), Gpu(1, "GPU-b", "A100", None, None))


class Connections:
    def __init__(self) -> None:
        self.master: object | None = object()
        self.said = list[Usage]()

    def say(self, message: Usage) -> None:
        self.said.append(message)


class Clock:
    now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    monkeypatch.setattr(module, "memory", lambda: (5, 9))
    return clock


def test_those_gpus_that_jobs_may_have_are_told_of_every_few_seconds(clock: Clock) -> None:
    connections: Any = Connections()
    reports = UsageReports(connections)
    for _ in range(3):
        reports.tell(Reading("nvidia-smi", GPUS), ["gpu0", "cpu1"])
    (first,) = connections.said
    assert first.gpus == [GpuUse(0, 93, 20, 80)] and (first.memory_used_bytes, first.memory_bytes) == (5, 9)
    clock.now += EVERY_S
    reports.tell(None, ["cpu0"])
    assert len(connections.said) == 2 and connections.said[1].gpus == []


def test_without_a_master_nothing_is_measured(clock: Clock) -> None:
    connections: Any = Connections()
    connections.master = None
    UsageReports(connections).tell(None, [])
    assert not connections.said
