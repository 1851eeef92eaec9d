"""What attempts take of a machine, compared with what they may.  Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from worker_agent.core.execution import Key
from worker_agent.protocol.outcome import OVER_LIMIT
from worker_agent.protocol.terms import JobLimits


@dataclass(frozen=True)
class Usage:
    """What an attempt takes; None is not known."""

    memory_bytes: Optional[int] = None
    processes: Optional[int] = None
    output_bytes: Optional[int] = None
    denied_memory: bool = False
    """The kernel has refused it memory beyond its limit."""


@dataclass(frozen=True)
class Excess:
    """An attempt takes more than it may."""

    key: Key
    problem: str


@dataclass(frozen=True)
class Aftermath:
    """What there is to say of an attempt with limits, once nothing of it runs any more."""

    problem: str = ""
    """Which limit it was beyond; empty for none."""
    machine_full: bool = False
    """The kernel has ended some of it for want of memory, and not because of its limit."""


def problem_of(limits: JobLimits, usage: Usage) -> str:
    """Return which limit an attempt is beyond, by how much and what to do; "" for none."""
    allowed = limits.memory_bytes
    if usage.denied_memory or _beyond(usage.memory_bytes, allowed):
        took = max(usage.memory_bytes or 0, allowed or 0)
        return _told("memory", f"its processes took {_size(took)}", _size(allowed or 0))
    if _beyond(usage.processes, limits.processes):
        return _told("processes", f"it had {usage.processes} at a time", str(limits.processes))
    return output_problem(limits, usage.output_bytes)


def output_problem(limits: Optional[JobLimits], written: Optional[int]) -> str:
    """Return that an attempt has written too much; "" where it has not."""
    if limits is None or not _beyond(written, limits.output_bytes):
        return ""
    wrote = f"it wrote {_size(written or 0)} of log and results"
    return _told("output", wrote, _size(limits.output_bytes or 0))


def _beyond(used: Optional[int], allowed: Optional[int]) -> bool:
    return used is not None and allowed is not None and used > allowed


def _told(what: str, did: str, allowed: str) -> str:
    advice = f"raise `{what}` in its `limits`, as far as the cluster config allows, or have it take less"
    return f"{OVER_LIMIT}{what}: {did}, allowed are {allowed}; {advice}"


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
