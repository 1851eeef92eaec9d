"""Tells the master every few seconds how much of this machine is in use."""

from __future__ import annotations

import time
from typing import Container, Optional

from worker_agent.devices.gpus import Gpu, Reading
from worker_agent.protocol.reports import GpuUse, Usage
from worker_agent.runtime.connection.connections import Connections
from worker_agent.system.load import CpuMeter, memory

EVERY_S = 5.0


class UsageReports:
    """What was measured since the last report; nothing is read for it but two small files of the kernel."""

    def __init__(self, connections: Connections) -> None:
        self._connections, self._meter = connections, CpuMeter()
        self._next = time.monotonic()

    def tell(self, reading: Optional[Reading], used: Container[str]) -> None:
        """Tell the master, if there is one and it is time; `used` are the devices that jobs may have."""
        if self._connections.master is None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY_S
        in_use, there_is = memory()
        gpus = [_use(gpu) for gpu in reading.gpus if f"gpu{gpu.index}" in used] if reading else []
        self._connections.say(Usage(self._meter.percent(), in_use, there_is, gpus))


def _use(gpu: Gpu) -> GpuUse:
    return GpuUse(gpu.index, gpu.utilization, gpu.used, gpu.total)
