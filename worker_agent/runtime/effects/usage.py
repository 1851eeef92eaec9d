"""Tells the master every few seconds how much of this machine is in use."""

from __future__ import annotations

import time
from typing import Iterable, List, Optional

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

    def tell(self, reading: Optional[Reading], used: Iterable[str]) -> None:
        """Tell the master, if there is one and it is time; `used` are the devices that jobs may have."""
        if self._connections.master is None or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + EVERY_S
        names = set(used)
        gpus = [gpu for gpu in reading.gpus if f"gpu{gpu.index}" in names] if reading else []
        self._connections.say(usage(self._meter, gpus))


def usage(meter: CpuMeter, gpus: Iterable[Gpu]) -> Usage:
    """Return how much is in use now."""
    in_use, there_is = memory()
    return Usage(meter.percent(), in_use, there_is, _of_gpus(gpus))


def _of_gpus(gpus: Iterable[Gpu]) -> List[GpuUse]:
    return [GpuUse(gpu.index, gpu.utilization, gpu.used, gpu.total) for gpu in gpus]
