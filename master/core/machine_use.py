"""How much of machines was in use while a phase went on: means and peaks of samples, for the phase logs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from worker_agent.protocol.reports import Usage

MOST_GPUS = 64
"""Of a machine, whatever it claims."""


@dataclass(frozen=True)
class Mean:
    """A mean of so many samples."""

    samples: int = 0
    value: float = 0.0

    @classmethod
    def of(cls, value: float | None) -> Mean:
        """Return the mean of one sample in percent, or of none."""
        return cls() if value is None else cls(1, min(100.0, value))

    def plus(self, other: Mean) -> Mean:
        """Return the mean of all."""
        samples = self.samples + other.samples
        total = self.value * self.samples + other.value * other.samples
        return Mean(samples, total / samples) if samples else self

    def percent(self) -> float | None:
        """Return it as it is written, None for that of nothing."""
        return round(self.value, 2) if self.samples else None


@dataclass(frozen=True)
class GpuUsed:
    """How much of a GPU was in use."""

    busy: Mean = Mean()
    """Percent."""
    peak_bytes: int = 0

    def plus(self, other: GpuUsed) -> GpuUsed:
        """Return what both tell."""
        return GpuUsed(self.busy.plus(other.busy), max(self.peak_bytes, other.peak_bytes))


@dataclass(frozen=True)
class WorkerUsed:
    """How much of a worker was in use."""

    cpu: Mean = Mean()
    """Percent of all cores."""
    memory_peak_bytes: int = 0
    gpus: Mapping[int, GpuUsed] = field(default_factory=dict)
    """By index."""

    @classmethod
    def of(cls, usage: Usage) -> WorkerUsed:
        """Return what one sample tells."""
        gpus = {
            gpu.index: GpuUsed(Mean.of(gpu.utilization_percent), gpu.used_bytes or 0)
            for gpu in usage.gpus
            if gpu.index < MOST_GPUS
        }
        return cls(Mean.of(usage.cpu_percent), usage.memory_used_bytes, gpus)

    def plus(self, other: WorkerUsed) -> WorkerUsed:
        """Return what both tell."""
        indices = sorted({*self.gpus, *other.gpus})
        none = GpuUsed()
        gpus = {index: self.gpus.get(index, none).plus(other.gpus.get(index, none)) for index in indices}
        peak = max(self.memory_peak_bytes, other.memory_peak_bytes)
        return WorkerUsed(self.cpu.plus(other.cpu), peak, gpus)


Used = Mapping[str, WorkerUsed]
"""By worker."""


def together(one: Used, other: Used) -> Used:
    """Return what both tell."""
    none = WorkerUsed()
    return {name: one.get(name, none).plus(other.get(name, none)) for name in dict.fromkeys((*one, *other))}


def gpu_utilization_percent(used: Used) -> float | None:
    """Return the mean over all GPUs and samples, None without any."""
    mean = Mean()
    for worker in used.values():
        for gpu in worker.gpus.values():
            mean = mean.plus(gpu.busy)
    return mean.percent()


def to_json(used: Used) -> dict[str, Any]:
    """Return it as a phase log has it."""
    return {name: _worker_json(worker) for name, worker in used.items()}


def _worker_json(worker: WorkerUsed) -> dict[str, Any]:
    return {
        "samples": worker.cpu.samples,
        "cpu_percent": worker.cpu.percent(),
        "memory_peak_bytes": worker.memory_peak_bytes,
        "gpus": [
            {
                "index": index,
                "samples": gpu.busy.samples,
                "utilization_percent": gpu.busy.percent(),
                "memory_peak_bytes": gpu.peak_bytes,
            }
            for index, gpu in worker.gpus.items()
        ],
    }


def from_json(told: object) -> Used:
    """Return what an earlier log tells; nothing of what is none, or is altered."""
    try:
        return {str(name): _worker(each) for name, each in dict(told).items()}  # type: ignore[call-overload]
    except (ValueError, TypeError, LookupError, AttributeError):
        return {}


def _worker(told: Mapping[str, Any]) -> WorkerUsed:
    gpus = {
        int(each["index"]): GpuUsed(
            _mean(each["samples"], each["utilization_percent"]), int(each["memory_peak_bytes"])
        )
        for each in told["gpus"]
    }
    return WorkerUsed(_mean(told["samples"], told["cpu_percent"]), int(told["memory_peak_bytes"]), gpus)


def _mean(samples: Any, value: Any) -> Mean:
    return Mean() if value is None else Mean(max(0, int(samples)), float(value))
