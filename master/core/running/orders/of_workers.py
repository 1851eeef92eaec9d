"""Orders about workers: plain data, as it comes over the socket and lies in the journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from worker_agent.protocol.terms import NO_LIMITS, JobLimits


@dataclass(frozen=True)
class PauseWorkers:
    """Give these workers nothing more; what runs there goes on."""

    workers: list[str]
    until: float = 0.0
    """Unix time when they are used again; 0 is until a resume."""


@dataclass(frozen=True)
class DrainWorkers:
    """Free these workers: give them nothing more, and tell when nothing of the run is there."""

    workers: list[str]
    until: float = 0.0
    """Unix time when they are used again; 0 is until a resume."""
    now: bool = False
    """Interrupt what runs there; it goes on elsewhere, from its checkpoint where it has one."""


@dataclass(frozen=True)
class ResumeWorkers:
    """Use these workers again."""

    workers: list[str]


@dataclass(frozen=True)
class SetSlots:
    """Have at most so many slots' worth of jobs on each of these workers at a time."""

    workers: list[str]
    slots: int = 0
    """0 is as many as it has."""


@dataclass(frozen=True)
class AddWorker:
    """Take a worker into the run."""

    config: dict[str, Any]
    """A cluster config that lists it alone."""
    folder: str = "."
    """What relative paths in there are relative to."""
    seat: str = ""
    """In place of a config: a seat of one of the run's pools, which was removed."""
    name: str = ""
    """What it is called; this and what follows is read from the config."""
    labels: list[str] = field(default_factory=list)
    limits: JobLimits = NO_LIMITS
    pool: str = ""
    """Whose seat it is; empty for a server."""


@dataclass(frozen=True)
class RemoveWorkers:
    """Take these workers out of the run, once nothing of it is there any more."""

    workers: list[str]
    now: bool = False
    """Interrupt what runs there; it goes on elsewhere, from its checkpoint where it has one."""
