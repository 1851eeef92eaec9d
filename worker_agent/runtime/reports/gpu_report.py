"""`worker_agent gpus`: what is seen of the GPUs, and what would be done with them."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from typing import Any, Dict, List, Optional

from worker_agent.core.settings_check import check_settings
from worker_agent.core.shares import SHARES, Device, size, usual_slots
from worker_agent.core.state import AgentState
from worker_agent.devices.gpu_monitor import GpuMonitor
from worker_agent.devices.gpu_tools import read_gpus
from worker_agent.devices.gpus import Gpu, GpuError, Reading, gigabytes
from worker_agent.devices.slot_locks import SlotLocks
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.layout import slot_lock_dir
from worker_agent.protocol.messages import Settings
from worker_agent.system.background import Background


@dataclass
class Report:
    """What is seen, and what would be done."""

    tool: Optional[str] = None
    problem: Optional[str] = None
    gpus: List[Dict[str, Any]] = field(default_factory=list)
    slots: List[str] = field(default_factory=list)
    """Those of jobs that do not say what they need."""
    gpu_bytes: List[int] = field(default_factory=list)
    """What jobs may have of each GPU that is used; 0 where it is not known."""


def run(args: argparse.Namespace) -> int:
    """Print the report; return 1 where the GPUs are not as the flags have them, or cannot be read."""
    report = Report()
    try:
        look(settings_of(args), report, AgentState())
    except (GpuError, MessageError, OSError) as error:
        report.problem = str(error)
    if args.json:
        print(json.dumps(report.__dict__))
    else:
        print("\n".join(_lines(report)))
        if report.problem:
            print(f"worker_agent: {report.problem}", file=sys.stderr)
    return 1 if report.problem else 0


def settings_of(args: argparse.Namespace) -> Settings:
    """Return the settings that the flags name.  Raises MessageError for those that no agent takes."""
    names = [name.strip() for name in args.gpus.split(",") if name.strip()]
    if args.gpus.strip().isdigit():
        names = [str(index) for index in range(int(args.gpus))]
    settings = Settings(
        gpus=names,
        slots_per_gpu=args.slots_per_gpu,
        gpu_reserve=Settings.gpu_reserve if args.gpu_reserve is None else args.gpu_reserve,
        cpu_slots=args.cpu_slots,
    )
    check_settings(settings)
    return settings


def look(settings: Settings, report: Report, state: AgentState) -> Optional[Reading]:
    """Fill the report in as far as it goes; `state` then has what is taken of the devices.

    Returns what the driver's tool told.  Raises GpuError, OSError.
    """
    reading = read_gpus()
    report.tool = reading.tool if reading else None
    report.gpus = [_facts(gpu, reading) for gpu in reading.gpus] if reading else []
    workers = Background()
    try:
        monitor = GpuMonitor(state, SlotLocks(slot_lock_dir()), workers, lambda text: None)
        devices = monitor.devices(settings, reading)
        state.devices = {device.name: device for device in devices}
        monitor.look_at_locks()
    finally:
        workers.close()
    for gpu in report.gpus:
        gpu["state"] = _state(gpu, state)
    report.slots = [slot for device in devices for slot in usual_slots(device)]
    report.gpu_bytes = [device.memory or 0 for device in devices if device.gpu]
    return reading


def _facts(gpu: Gpu, reading: Reading) -> Dict[str, Any]:
    return {
        **gpu.__dict__,
        "processes": [process.pid for process in reading.processes if process.uuid == gpu.uuid],
        "state": "",
    }


def _state(gpu: Dict[str, Any], state: AgentState) -> str:
    device: Optional[Device] = state.devices.get(f"gpu{gpu['index']}")
    if device is None:
        return "left alone: cut into MIG devices" if gpu["mig"] else "left alone: not in the settings"
    if device.name in state.closed:
        return f"left alone: {state.closed[device.name]}"
    taken = size(state.others.get(device.name, 0))
    return f"used, {taken} of {SHARES} shares taken by other runs" if taken else "used"


def _lines(report: Report) -> List[str]:
    lines = [f"{report.tool or 'no nvidia-smi, no rocm-smi'}: {len(report.gpus)} GPUs"]
    for gpu in report.gpus:
        memory = f"{gigabytes(gpu['used'])} of {gigabytes(gpu['total'])} in use"
        lines.append(f"  {gpu['index']}  {gpu['name']}  {gpu['uuid']}  {memory}  {gpu['state']}")
    if not report.problem:
        lines.append(f"slots: {' '.join(report.slots)}")
    return lines
