"""What an agent reports of its machine and of running attempts."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any, ClassVar, Dict, List, Mapping, Optional

from worker_agent.protocol.codec import Amount, Bytes, Count

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
    disk: str = ""
    """Names the disk of its cache, of an agent that knows `artefacts.fetching`; empty is not known."""
    peers: List[str] = field(default_factory=list)
    """Addresses at which others reach an agent that knows `artefacts.peering`; empty: it cannot."""
    gpus: Dict[str, str] = field(default_factory=dict)
    """What the driver calls each GPU that jobs may have, by the name that slots begin with."""
    driver: str = ""
    """The version of the GPUs' driver; empty is not known."""


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


@dataclass(frozen=True)
class Progress:
    """What a running attempt last said of itself; may be lost."""

    type: ClassVar[str] = "progress"
    job_id: str
    attempt: Count
    detail: Said


@dataclass(frozen=True)
class Slots:
    """How many slots' worth of the worker other runs or users have; may be lost."""

    type: ClassVar[str] = "slots"
    held_by_others: Amount
    notes: List[str] = field(default_factory=list)
    """What has changed, for the user."""
    left_alone: List[str] = field(default_factory=list)
    """As in the welcome."""


def _numbers(found: Mapping[str, Any]) -> Dict[str, float]:
    return {
        name: value
        for name, value in found.items()
        if type(value) in _NUMBERS and -_LARGEST <= value <= _LARGEST
    }


def _number(value: Any) -> Optional[float]:
    return value if type(value) in _NUMBERS and -_LARGEST <= value <= _LARGEST else None
