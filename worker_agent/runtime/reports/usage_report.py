"""`worker_agent usage`: how much of this machine is in use now, and who uses its GPUs."""

from __future__ import annotations

import argparse
import json
import os
import select
import shutil
import time
from pathlib import Path
from typing import Dict, List, Optional

from worker_agent.core import slot_assignment
from worker_agent.core.state import AgentState
from worker_agent.devices.gpus import Gpu, GpuError, Reading
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.looks.machine import DiskNow, GpuNow, GpuUser, MachineNow
from worker_agent.runtime.reports.gpu_report import Report, look, settings_of
from worker_agent.system import processes
from worker_agent.system.load import CpuMeter, memory
from worker_agent.system.this_machine import expand, hostname

_INPUT = 0
_MEASURED_S = 0.25
"""At least, between two looks at what the cores do."""
_MOST_USERS = 32
"""Processes on a GPU that are told of."""


def run(args: argparse.Namespace) -> int:
    """Print what is in use as a line of JSON; every so many seconds another one, until standard input ends.

    GPUs that cannot be read are told of in it.
    """
    meter, wait_s = CpuMeter(), _MEASURED_S
    while not _ends_within(wait_s, listens=args.every is not None):
        print(json.dumps({"machine": _look(args, meter)}, default=vars), flush=True)
        if args.every is None:
            break
        wait_s = max(_MEASURED_S, args.every)
    return 0


def _ends_within(seconds: float, *, listens: bool) -> bool:
    """Wait; return whether nobody wants to know any more."""
    if not listens:
        time.sleep(seconds)
        return False
    ready, _, _ = select.select([_INPUT], [], [], seconds)
    return bool(ready) and not os.read(_INPUT, 4096)


def _look(args: argparse.Namespace, meter: CpuMeter) -> MachineNow:
    report, state = Report(), AgentState()
    try:
        reading = look(settings_of(args), report, state)
    except (GpuError, MessageError, OSError) as error:
        reading, report.problem = None, str(error)
    return _machine(meter, report, reading, state, args.folders)


def _machine(
    meter: CpuMeter, report: Report, reading: Optional[Reading], state: AgentState, folders: List[str]
) -> MachineNow:
    in_use, there_is = memory()
    said = {gpu["index"]: gpu["state"] for gpu in report.gpus}
    gpus = [_gpu(gpu, reading, said.get(gpu.index, "")) for gpu in reading.gpus] if reading else []
    return MachineNow(
        hostname(),
        os.cpu_count() or 0,
        round(os.getloadavg()[0], 2),
        meter.percent(),
        in_use,
        there_is,
        _disks(folders),
        gpus,
        len(report.slots),
        slot_assignment.held_by_others(state),
        report.problem or "",
    )


def _gpu(gpu: Gpu, reading: Reading, state: str) -> GpuNow:
    own = [process for process in reading.processes if process.uuid == gpu.uuid][:_MOST_USERS]
    users = [GpuUser(one.pid, processes.user_of(one.pid), _name(one.pid), one.used) for one in own]
    return GpuNow(gpu.index, gpu.name, gpu.utilization, gpu.used, gpu.total, state, users)


def _name(pid: int) -> str:
    return processes.name_of(pid).decode("utf-8", "replace")


def _disks(folders: List[str]) -> List[DiskNow]:
    """Return the disks on which these folders are, or will be, each once."""
    found: Dict[int, DiskNow] = {}
    for folder in folders:
        place = Path.home() / expand(folder)
        while not place.is_dir() and place != place.parent:
            place = place.parent
        try:
            usage = shutil.disk_usage(str(place))
            found.setdefault(place.stat().st_dev, DiskNow(folder, usage.free, usage.total))
        except OSError:
            continue
    return list(found.values())
