"""What readings of the GPUs mean for the slots: pure, time and facts come in from outside."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Counter as CounterType
from typing import Dict, FrozenSet, Iterable, List, Mapping, Optional

from worker_agent.core.execution import Key
from worker_agent.core.shares import Device
from worker_agent.devices.gpus import Gpu, GpuProcess, Reading, gigabytes

_GONE_AFTER = 2
"""Readings in a row without a GPU: one may have caught the driver at a bad moment."""


@dataclass(frozen=True)
class Standing:
    """Who is who while a reading is looked at."""

    ours: Mapping[int, Key] = field(default_factory=dict)
    """Processes of this agent's attempts."""
    strangers: Mapping[int, str] = field(default_factory=dict)
    """Processes of this machine that belong to no attempt of any agent, with their users."""
    running: FrozenSet[str] = frozenset()
    """Devices on which attempts of this agent run."""
    held: FrozenSet[str] = frozenset()
    """Devices of which this agent has shares, be it only until their memory is free."""
    others: FrozenSet[str] = frozenset()
    """Devices of which other agents have shares."""
    servers: FrozenSet[int] = frozenset()
    """Processes that serve others, as a display or an MPS server does: nobody's job."""


@dataclass(frozen=True)
class Findings:
    """What a reading shows."""

    closed: Mapping[str, str]
    """Devices that get no new jobs, with the reason."""
    gone: FrozenSet[str]
    """Those of them that are no longer there."""
    free: FrozenSet[str]
    """Devices on which no memory is left over from attempts that have ended."""
    used: Mapping[Key, int]
    """Bytes of GPU memory by attempt."""


class GpuWatch:
    """Remembers what earlier readings showed."""

    def __init__(self, devices: Iterable[Device], reserve: int, idle_s: float) -> None:
        """`reserve` bytes may be in use without anybody being there."""
        self.devices = {device.lock: device for device in devices if device.watched}
        self._reserve, self._idle_s = reserve, idle_s
        self._seen_at: Dict[str, float] = {}
        self._who: Dict[str, str] = {}
        self._missing: CounterType[str] = Counter()

    def take(self, reading: Reading, now: float, standing: Standing) -> Findings:
        """Return what is to be made of a reading."""
        gpus = {f"gpu{gpu.uuid}": gpu for gpu in reading.gpus}
        closed: Dict[str, str] = {}
        gone: List[str] = []
        free: List[str] = []
        for lock, device in self.devices.items():
            gpu = gpus.get(lock)
            if gpu is None:
                self._miss(device.name, closed, gone)
                continue
            self._missing[device.name] = 0
            there = [process for process in reading.processes if process.uuid == gpu.uuid]
            in_use = self._look_for_others(device.name, gpu, there, now, standing)
            if in_use or self._was_lately(device.name, now):
                closed[device.name] = f"in use by {self._who[device.name]}"
            if self._nothing_left(device.name, gpu, there, standing):
                free.append(device.name)
        return Findings(closed, frozenset(gone), frozenset(free), _by_attempt(reading.processes, standing))

    def _was_lately(self, name: str, now: float) -> bool:
        return name in self._seen_at and now - self._seen_at[name] < self._idle_s

    def _miss(self, name: str, closed: Dict[str, str], gone: List[str]) -> None:
        self._missing[name] += 1
        if self._missing[name] >= _GONE_AFTER:
            closed[name] = "no longer there: the driver does not list it"
            gone.append(name)

    def _look_for_others(
        self, name: str, gpu: Gpu, there: List[GpuProcess], now: float, standing: Standing
    ) -> bool:
        """Return whether somebody else uses a GPU now, and remember it."""
        who = _somebody(name, gpu, there, standing, self._reserve)
        if who is not None:
            self._seen_at[name], self._who[name] = now, who
        return who is not None

    def _nothing_left(self, name: str, gpu: Gpu, there: List[GpuProcess], standing: Standing) -> bool:
        """Return whether what ended has given its memory back; where that cannot be told, that it has."""
        shared = name in standing.running or name in standing.others
        known = [process.used for process in there]
        if gpu.used is None or None in known or (shared and not known):
            return gpu.used is None or shared or gpu.used <= self._reserve
        return gpu.used - sum(used or 0 for used in known) <= self._reserve


def _somebody(
    name: str, gpu: Gpu, there: List[GpuProcess], standing: Standing, reserve: int
) -> Optional[str]:
    """Return who uses a GPU beside the agents of this machine, None for nobody."""
    strangers = [process for process in there if process.pid in standing.strangers]
    if strangers and name not in standing.others:
        one = strangers[0]
        return f"process {one.pid} of {standing.strangers[one.pid]} ({gigabytes(gpu.used)} in use)"
    unheld = name not in standing.held and name not in standing.others
    served = sum(process.used or 0 for process in there if process.pid in standing.servers)
    if unheld and gpu.used is not None and gpu.used - served > reserve:
        return f"somebody else ({gigabytes(gpu.used)} in use)"
    return None


def _by_attempt(processes: Iterable[GpuProcess], standing: Standing) -> Dict[Key, int]:
    used: Dict[Key, int] = {}
    for process in processes:
        key = standing.ours.get(process.pid)
        if key is not None and process.used is not None:
            used[key] = used.get(key, 0) + process.used
    return used
