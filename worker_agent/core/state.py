"""What the agent knows, apart from what is in files."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Dict, FrozenSet, List, NamedTuple, Optional, Set, Tuple

from worker_agent.core.commands import Command
from worker_agent.core.execution import Key
from worker_agent.core.packing.crowd import Crowd
from worker_agent.core.shares import Device
from worker_agent.protocol.messages import Launch
from worker_agent.protocol.outcome import Outcome

Sign = Tuple[int, ...]
"""Sizes and times of the files that an attempt writes to while it works."""


class Phase(Enum):
    """Where an attempt is."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    COLLECTING = "collecting"
    FINISHED = "finished"


class Artefact(Enum):
    """What is known of an artefact that some attempt needs."""

    LOOKING = "looking"
    PRESENT = "present"
    VERIFYING = "verifying"
    TAKING = "taking"
    """It comes from another worker."""
    WANTED = "wanted"


class Transfer(NamedTuple):
    """What a master waits for that has asked for an artefact to be taken from another worker."""

    number: int
    began: float
    has_come: bool = False
    """It has brought all, which is being checked."""


@dataclass
class Attempt:
    """One try at a job on this worker, until the master releases it."""

    launch: Launch
    number: int
    """Grows from launch to launch: the order of the queue."""
    needs: FrozenSet[str] = frozenset()
    phase: Phase = Phase.QUEUED
    staged: bool = False
    """The master knows that it waits for an artefact."""
    slot: Optional[str] = None
    used_since: Optional[float] = None
    """When what it uses of the cache was last looked at before it began."""
    started_at: Optional[float] = None
    deadline: Optional[float] = None
    verdict: Optional[Outcome] = None
    """Why it is being stopped: cancelled, evicted, over a limit, or lost with its GPU."""
    excess: str = ""
    """Which limit it was beyond, or why it is evicted, where that is the verdict."""
    succeeded: bool = False
    sign: Sign = ()
    """Its last sign of life …"""
    active_at: Optional[float] = None
    """… and when it was noticed."""
    pid: int = 0
    """Its first process, which leads the session of the others; 0 before the start."""
    mark: bytes = b""
    """The assignment that all of its processes have in their environment."""
    made: str = ""
    """The content hash of its base model in the cache."""
    sharing: int = 1
    """How many share its slot now, itself included: a second of that is so much less of its own time."""
    together: int = 1
    """How many did when it began."""
    alone: str = ""
    """Why it runs as a process of its own though it was to train with others."""
    peak_gpu_bytes: Optional[int] = None
    """The most GPU memory that it was seen with; None where it was not seen with any."""

    @property
    def key(self) -> Key:
        return (self.launch.job_id, self.launch.attempt)


@dataclass
class AgentState:
    """All that the agent knows."""

    seq: int = 0
    """The last number that was given to an event, or skipped …"""
    last_event: int = 0
    """… and the last that was given."""
    attempts: Dict[Key, Attempt] = field(default_factory=dict)
    released: Dict[str, int] = field(default_factory=dict)
    """The highest released attempt of each job: a late repetition of its launch is ignored."""
    ready: List[Tuple[int, Key]] = field(default_factory=list)
    """A heap of the queued attempts that lack nothing but a slot; entries may be out of date."""
    waiting: Dict[str, Set[Key]] = field(default_factory=dict)
    """Queued attempts by the artefact that they lack."""
    artefacts: Dict[str, Artefact] = field(default_factory=dict)
    fetching: Set[str] = field(default_factory=set)
    """Artefacts of which the master that is here waits to hear whether they have come."""
    transfers: Dict[str, Transfer] = field(default_factory=dict)
    """Artefacts that it has asked to be taken from other workers."""
    devices: Dict[str, Device] = field(default_factory=dict)
    slots: Dict[str, Key] = field(default_factory=dict)
    """Slots in use; of devices that the settings no longer have, too."""
    riders: Dict[str, Set[Key]] = field(default_factory=dict)
    """Attempts that train at once with the one that has the slot."""
    draining: Set[str] = field(default_factory=set)
    """Slots of attempts that have ended, until the GPU's memory is free."""
    others: Dict[str, int] = field(default_factory=dict)
    """Shares that other runs or users hold, as bits by device."""
    closed: Dict[str, str] = field(default_factory=dict)
    """Devices that get no new jobs, with the reason."""
    acked: int = 0
    crowds: Dict[str, Crowd] = field(default_factory=dict)
    """What is known of the jobs that share a GPU by memory, by device."""
    launches: int = 0
    leaving: bool = False
    evicted: str = ""
    """Why nothing may begin here any more; empty where it may."""
    incomplete: bool = False
    """The master has not yet sent all of the jobs' environment: nothing can start."""
    outbox: List[Command] = field(default_factory=list)
