"""What keeps a job from ending, and what keeps a worker from taking it: plain data."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Why(str, Enum):
    """The one cause for which a job has not ended."""

    RUNS = "runs"
    COMES_HOME = "comes home"
    """Its outcome is on its way."""
    STARTS = "starts"
    """Its worker has it, and has not started it yet."""
    AWAITS_FILES = "awaits files"
    """Its worker waits for the base model, or for a checkpoint, that it starts from."""
    WORKER_SILENT = "worker silent"
    AWAITS_BASE_MODEL = "awaits base model"
    AWAITS_PHASE_1 = "awaits Phase 1"
    """The user asked for strict phases."""
    GOES_ON = "goes on"
    """Its base model has ended; it is unlocked, or blocked, within some steps."""
    BACKS_OFF = "backs off"
    """Between a failure and the next attempt."""
    AWAITS_CHECKPOINT = "awaits checkpoint"
    """What its last attempt left is brought home first."""
    STOPPING = "stopping"
    """Nothing more is started."""
    MOST_RUN = "most run"
    """So many run as the user allows."""
    NO_ROOM = "no room"
    """No worker takes it now: the obstacles tell why."""
    IS_NEXT = "is next"
    """A worker has room for it, and what comes first is given out first."""


class Obstacle(str, Enum):
    """Why a worker does not take a job now."""

    UNUSABLE = "unusable"
    LABELS = "labels"
    CONNECTING = "connecting"
    DOWN = "down"
    NO_ALLOCATION = "no allocation"
    """It is a seat of a pool, and has asked for none: the reason tells why not."""
    QUEUED = "queued"
    """It is a seat whose allocation waits in the engine's queue."""
    STARTING = "starting"
    """It is a seat whose allocation runs, and its agent has still to answer."""
    GIVEN_BACK = "given back"
    """It is a seat whose allocation is about to end."""
    TOO_LITTLE_TIME = "too little time"
    """What is left of its allocation is shorter than the job."""
    TOO_SMALL = "too small"
    """It has not got what the job says that it needs."""
    FAILED_THERE = "failed there"
    """The job would fail there again in the same way."""
    PAUSED_BY_USER = "paused by user"
    DRAINED_BY_USER = "drained by user"
    """It is wanted for something else."""
    REMOVED = "removed"
    """A user takes it out of the run, or the cluster config lists it no more."""
    PAUSED = "paused"
    """Its place was bad."""
    PROBED = "probed"
    """Its place was bad, and one attempt shows whether it is good again."""
    HELD_BY_OTHERS = "held by others"
    """Other runs, or other users, hold all of its slots."""
    AVOIDED = "avoided"
    """The job failed there, and another worker may do better."""
    SMALLER_GPU = "smaller GPU"
    """The job needs a GPU of its own, and another worker has a larger one."""
    FULL = "full"
    MACHINE_FULL = "machine full"
    """What runs there takes the cores or the memory that the job needs."""


LASTING = frozenset(
    {Obstacle.UNUSABLE, Obstacle.REMOVED, Obstacle.LABELS, Obstacle.TOO_SMALL, Obstacle.FAILED_THERE}
)
"""What does not go by itself."""


@dataclass(frozen=True)
class Hindrance:
    """What keeps one worker from taking a job."""

    worker: str
    obstacle: Obstacle
    reason: str = ""
    """In words, where there are any."""
    until: float | None = None
    """Unix time when it is over, as far as one can tell."""
    by: str = ""
    """The user who wants it so, if one does."""
    since: float | None = None
    """Unix time since when a user wants it so."""


@dataclass(frozen=True)
class Cause:
    """Why a job has not ended."""

    why: Why
    worker: str = ""
    """The worker that it is about."""
    job: str = ""
    """The job that it waits for."""
    reason: str = ""
    """In words, where there are any."""
    since: float | None = None
    """Unix time since when it is so, where that is known."""
    until: float | None = None
    """Unix time when it is over, as far as one can tell."""
    hindrances: tuple[Hindrance, ...] = ()
    """Of each worker, where none takes the job."""
    of_base: Cause | None = None
    """Why the job that it waits for has not ended."""

    @property
    def lasts(self) -> bool:
        """True where every worker has an obstacle that does not go by itself."""
        return bool(self.hindrances) and all(each.obstacle in LASTING for each in self.hindrances)
