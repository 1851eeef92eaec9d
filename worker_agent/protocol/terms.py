"""What jobs are held to, and given beside their command: limits, slots, rules, secret values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Dict, List, Optional

from worker_agent.protocol.codec import Bytes, Count

MOST_SLOTS = 1024
"""Jobs at a time on a worker without GPUs …"""
MOST_ON_A_GPU = 64
"""… and on each GPU."""


@dataclass(frozen=True)
class JobLimits:
    """What an attempt may take of a machine; one that takes more is ended.  None is no limit."""

    memory_bytes: Optional[Bytes] = None
    """Of all its processes together."""
    processes: Optional[Count] = None
    """At a time; threads do not count."""
    output_bytes: Optional[Bytes] = None
    """Written to its log and left as its results."""

    def __bool__(self) -> bool:
        return self != NO_LIMITS


NO_LIMITS = JobLimits()

CGROUP, SCOPE, WATCHED, NOT_KEPT = "cgroup", "scope", "watched", "not kept"
"""How an agent keeps limits, in `WorkerFacts.limits`: by the kernel, in a control group that it makes or that
systemd makes; by looking; not at all."""


@dataclass(frozen=True)
class CollectRules:
    """Which of the files that a job leaves come home.

    A pattern with `/` is for the path below the working directory (or the output directory), one without it
    for any name on the way; `*` stands for any text.
    """

    include: List[str] = field(default_factory=list)
    """Only these; empty: all …"""
    exclude: List[str] = field(default_factory=list)
    """… but for these."""
    max_bytes: Optional[Bytes] = None
    """No larger file."""


@dataclass(frozen=True)
class Secrets:
    """Variables of every job's environment that are in no file and no log: sent after each welcome."""

    type: ClassVar[str] = "secrets"
    values: Dict[str, str] = field(repr=False)
