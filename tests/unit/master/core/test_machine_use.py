"""Samples become means and peaks, are written, and go on from what an earlier start has written."""

from __future__ import annotations

import json
from typing import Any

import pytest

from master.core.machine_use import (
    MOST_GPUS,
    WorkerUsed,
    from_json,
    gpu_utilization_percent,
    to_json,
    together,
)
from worker_agent.protocol.reports import GpuUse, Usage


def used(*percents: float | None, cpu: float | None = 50.0, memory: int = 1) -> WorkerUsed:
    """Return what one sample of a worker with these GPUs tells."""
    gpus = [GpuUse(index, percent, 100 * index) for index, percent in enumerate(percents)]
    return WorkerUsed.of(Usage(cpu, memory, 10, gpus))


def test_samples_are_averaged_and_peaks_kept() -> None:
    worker = used(100, 0, memory=3).plus(used(50, 0, cpu=None, memory=2)).plus(used(0, 30, cpu=20.0))
    assert to_json({"lab1": worker}) == {
        "lab1": {
            "samples": 2,
            "cpu_percent": 35.0,
            "memory_peak_bytes": 3,
            "gpus": [
                {"index": 0, "samples": 3, "utilization_percent": 50.0, "memory_peak_bytes": 0},
                {"index": 1, "samples": 3, "utilization_percent": 10.0, "memory_peak_bytes": 100},
            ],
        }
    }
    assert gpu_utilization_percent({"lab1": worker, "lab2": used()}) == 30.0


def test_what_no_tool_tells_is_not_zero() -> None:
    assert gpu_utilization_percent({"lab1": used(None)}) is None
    assert gpu_utilization_percent({}) is None
    assert to_json({"lab1": used(None, cpu=None)})["lab1"]["gpus"][0]["utilization_percent"] is None


def test_a_later_start_goes_on_from_what_was_written() -> None:
    first = {"lab1": used(100).plus(used(100)), "lab2": used(10)}
    read = from_json(json.loads(json.dumps(to_json(first))))
    assert read == first
    assert gpu_utilization_percent(together(read, {"lab1": used(40)})) == pytest.approx(62.5)


@pytest.mark.parametrize("told", [None, [], "x", {"lab1": 3}, {"w": {"gpus": [{}]}}, {"w": {"gpus": 1}}])
def test_what_is_altered_is_passed_over(told: Any) -> None:
    assert from_json(told) == {}


def test_a_worker_cannot_say_more_than_all() -> None:
    assert gpu_utilization_percent({"lab1": used(900).plus(used(0))}) == 50.0
    assert len(used(*range(100)).plus(used(*range(100))).gpus) == MOST_GPUS
