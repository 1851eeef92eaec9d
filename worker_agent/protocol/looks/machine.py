"""How much of a machine is in use, and by whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import List, Optional

from worker_agent.protocol.codec import Amount, Bytes, Count


@dataclass(frozen=True)
class GpuUser:
    """A process that computes on a GPU."""

    pid: Count
    user: str
    """Empty where that cannot be seen."""
    command: str
    used_bytes: Optional[Bytes] = None


@dataclass(frozen=True)
class GpuNow:
    """A GPU; None is what its driver's tool does not tell."""

    index: Count
    name: str
    utilization_percent: Optional[Amount] = None
    used_bytes: Optional[Bytes] = None
    total_bytes: Optional[Bytes] = None
    state: str = ""
    """What an agent makes of it, for the user."""
    users: List[GpuUser] = field(default_factory=list)


@dataclass(frozen=True)
class DiskNow:
    """A disk that is used."""

    folder: str
    """As it was asked for."""
    free_bytes: Bytes
    total_bytes: Bytes


@dataclass(frozen=True)
class MachineNow:
    """A machine."""

    hostname: str
    cores: Count
    """0 is not known."""
    load: Amount
    """How many processes wanted a core, in the mean of the last minute."""
    cpu_percent: Optional[Amount] = None
    """Of all cores, in the last moment."""
    memory_used_bytes: Bytes = 0
    memory_bytes: Bytes = 0
    """0 is not known."""
    disks: List[DiskNow] = field(default_factory=list)
    gpus: List[GpuNow] = field(default_factory=list)
    slots: Count = 0
    """Jobs at a time, of those that do not say what they need."""
    slots_taken: Amount = 0.0
    """By agents of all runs and users."""
    problem: str = ""
    """Why the GPUs, or the slots, are not known."""
