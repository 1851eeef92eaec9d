"""What an agent reports of its machine and of running attempts."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any, ClassVar, Dict, List, Mapping, Optional

from worker_agent.protocol.codec import Amount, Bytes, Count, UnixTime

_NUMBERS = (int, float)
_LARGEST = sys.float_info.max


@dataclass(frozen=True)
class WorkerFacts:
    """What a worker is like."""

    hostname: str = ""
    python: str = ""
    torch: Optional[str] = None
    """Its version, None where there is none."""
    cores: Count = 0
    """0 is not known, of all that follow."""
    memory_bytes: Bytes = 0
    disk_free_bytes: Bytes = 0
    limits: str = ""
    """How limits of jobs are kept there: one of `terms.CGROUP` and its neighbours; empty is not known."""
    shows_logs: bool = False
    """Whether the agent knows the messages of `logs.watching`."""


@dataclass(frozen=True)
class GpuUse:
    """How much of a GPU is in use, by whomever; None is what its driver's tool does not tell."""

    index: Count
    utilization_percent: Optional[Amount] = None
    """Of the last moments: in how many something computed on it."""
    used_bytes: Optional[Bytes] = None
    total_bytes: Optional[Bytes] = None


@dataclass(frozen=True)
class Usage:
    """How much of a machine is in use, by whomever; may be lost."""

    type: ClassVar[str] = "usage"
    cpu_percent: Optional[Amount] = None
    """Of all cores, since the last report; None for the first, and where that cannot be told."""
    memory_used_bytes: Bytes = 0
    memory_bytes: Bytes = 0
    """0 is not known, of both."""
    gpus: List[GpuUse] = field(default_factory=list)
    """Those that jobs may have, or all where that was asked for."""


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


@dataclass(frozen=True)
class CachedItem:
    """An artefact in a worker's cache."""

    content_hash: str
    bytes: Bytes
    used_at: UnixTime
    """When it was last used, or came."""
    base_model: str = ""
    """What its manifest calls it, for a base model that came from a master."""
    used_by: List[str] = field(default_factory=list)
    """Runs, attempts and processes, in words; empty: it may go."""
    problem: str = ""
    """What is wrong with its bytes, where they were hashed."""
    removed: bool = False
    """It was removed, or would be."""


@dataclass(frozen=True)
class CacheNow:
    """A worker's cache."""

    folder: str
    free_bytes: Bytes
    """Of its disk; 0 is not known."""
    items: List[CachedItem] = field(default_factory=list)


def usual_cpu_slots(cores: int) -> int:
    """Return how many jobs run at a time without GPUs, where nobody says: one for every two cores."""
    return max(1, cores // 2)


@dataclass(frozen=True)
class Released:
    """A launch is of an attempt that a master has released: it was given out before, and is not run again."""

    type: ClassVar[str] = "released"
    job_id: str
    attempt: Count
    """The highest that was released of the job."""


@dataclass(frozen=True)
class Said:
    """What a running attempt last said of itself; None is what it did not speak of."""

    line: Optional[str] = None
    """The last line of its log."""
    epoch: Optional[float] = None
    epochs: Optional[float] = None
    metrics: Optional[Dict[str, float]] = None

    @classmethod
    def from_object(cls, body: Mapping[str, Any]) -> "Said":
        """Return what can be told of an object that a script wrote: text and finite numbers."""
        line, metrics = body.get("line"), body.get("metrics")
        said = object.__new__(cls)  # messages are on the hot path, and a frozen class is slow to make
        said.__dict__.update(
            line=line if type(line) is str else None,
            epoch=_number(body.get("epoch")),
            epochs=_number(body.get("epochs")),
            metrics=_numbers(metrics) if type(metrics) is dict else None,
        )
        return said


def _numbers(found: Mapping[str, Any]) -> Dict[str, float]:
    return {
        name: value
        for name, value in found.items()
        if type(value) in _NUMBERS and -_LARGEST <= value <= _LARGEST
    }


def _number(value: Any) -> Optional[float]:
    return value if type(value) in _NUMBERS and -_LARGEST <= value <= _LARGEST else None
