"""GPUs that nobody has."""

from __future__ import annotations

from typing import Any

from worker_agent.core.shares import SHARES, Device
from worker_agent.devices.gpus import Gpu, GpuProcess, Reading

GB = 1000**3
SMALL = Device("gpu1", SHARES, SHARES, memory=8 * GB)


def gpu(index: int, total: int | None = 24 * GB, used: int | None = 0, **more: Any) -> Gpu:
    return Gpu(index, f"GPU-{index}", "card", total, used, **more)


def reading(*gpus: Gpu, processes: tuple[GpuProcess, ...] = ()) -> Reading:
    return Reading("nvidia-smi", gpus, processes)
