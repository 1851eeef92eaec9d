"""What happens to a run.  Time reaches the core only in here, as seconds of the Unix clock."""

from __future__ import annotations

from dataclasses import dataclass

from master.core.running.orders.order import Ordered
from master.core.running.pruning.spoke import AttemptSpoke
from master.core.running.spread.peer_events import PeerEvent
from worker_agent.protocol.artefacts.fetching import Source
from worker_agent.protocol.outcome import Finished

Attempt = tuple[str, int]
"""`(job_id, attempt)`"""


@dataclass(frozen=True)
class WorkerUp:
    """A worker's agent answered."""

    at: float
    worker: str
    slots: int
    held_by_others: float = 0
    """Slots' worth of it that other runs or users hold."""
    attempts: frozenset[Attempt] = frozenset()
    """What the agent knows of."""
    cached: frozenset[str] = frozenset()
    """Content hashes in the worker's cache."""
    ended: frozenset[Attempt] = frozenset()
    """Those of `attempts` whose end it has told, and was acknowledged."""
    gpu_bytes: tuple[int, ...] = ()
    """What jobs may have of each GPU; 0 where it is not known."""
    slots_per_gpu: int | None = None
    """None where GPUs are shared by memory."""
    cores: int = 0
    """0 where it does not tell."""
    memory_bytes: int = 0
    """0 where it does not tell."""
    limits: str = ""
    """How it keeps limits of jobs, in a word of the protocol."""
    left_alone: tuple[str, ...] = ()
    """Its GPUs that get no new jobs now, each with the reason."""
    disk: str = ""
    """Names the disk of its cache; empty where that is not known."""
    is_peer: bool = False
    """It can take artefacts from others that can, and they from it."""


@dataclass(frozen=True)
class WorkerLost:
    """The link to a worker broke, or could not be made; it is tried again."""

    at: float
    worker: str
    reason: str


@dataclass(frozen=True)
class WorkerUnusable:
    """A worker that is of no use to this run."""

    at: float
    worker: str
    reason: str


@dataclass(frozen=True)
class SlotsHeldByOthers:
    """Other runs or users took or freed slots of a worker."""

    at: float
    worker: str
    held_by_others: float
    left_alone: tuple[str, ...] = ()
    """As in `WorkerUp`."""


@dataclass(frozen=True)
class PoolSeen:
    """An engine has told what allocations a pool has: all that is known of its seats was said before."""

    at: float
    pool: str


@dataclass(frozen=True)
class PoolUnseen:
    """An engine did not tell what allocations a pool has: nothing is known of them now."""

    at: float
    pool: str
    reason: str


@dataclass(frozen=True)
class SeatPending:
    """The allocation of a seat waits in its engine's queue."""

    at: float
    worker: str
    allocation: str
    reason: str = ""
    """Why, in the engine's words."""
    expected_at: float | None = None
    """Unix time when the engine expects it to begin."""


@dataclass(frozen=True)
class SeatRunning:
    """The allocation of a seat runs."""

    at: float
    worker: str
    allocation: str
    ends_at: float | None = None
    """Unix time when it ends at the latest."""
    node: str = ""


@dataclass(frozen=True)
class SeatEnded:
    """A seat has no allocation any more."""

    at: float
    worker: str
    reason: str = ""


@dataclass(frozen=True)
class SeatRefused:
    """An engine took no allocation for a seat."""

    at: float
    worker: str
    reason: str
    passing: bool = True
    """Asking again may help, with nothing changed by its user."""


@dataclass(frozen=True)
class AttemptStaging:
    """An attempt waits on its worker for an artefact."""

    at: float
    worker: str
    job_id: str
    attempt: int


@dataclass(frozen=True)
class AttemptStarted:
    """An attempt's process runs."""

    at: float
    worker: str
    job_id: str
    attempt: int


@dataclass(frozen=True)
class AttemptFinished:
    """An attempt ended on its worker."""

    at: float
    worker: str
    job_id: str
    attempt: int
    finished: Finished
    """How, and what it left."""


@dataclass(frozen=True)
class AttemptReleased:
    """A worker knows of old an attempt that it was given: the journal is an older copy."""

    at: float
    worker: str
    job_id: str
    attempt: int
    """The highest that it knows of the job."""


@dataclass(frozen=True)
class Collected:
    """An attempt's outcome is home, verified and under its final name."""

    at: float
    job_id: str
    attempt: int
    content_hash: str = ""


@dataclass(frozen=True)
class CollectionFailed:
    """An attempt's outcome could not be brought home, and asking again will not help."""

    at: float
    job_id: str
    attempt: int
    problem: str
    worker_fault: bool = False
    """Its worker is to blame: what it has is not what it announced, or is gone."""


@dataclass(frozen=True)
class CheckpointSettled:
    """What an attempt in vain left to go on from is home, or will not come."""

    at: float
    job_id: str
    attempt: int


@dataclass(frozen=True)
class CheckpointDamaged:
    """The checkpoint that an attempt waits for on its worker is not to be had any more."""

    at: float
    job_id: str
    content_hash: str


@dataclass(frozen=True)
class ArtefactWanted:
    """A worker waits for an artefact."""

    at: float
    worker: str
    content_hash: str


@dataclass(frozen=True)
class Delivered:
    """An artefact lies on a worker; its agent verifies it."""

    at: float
    worker: str
    content_hash: str


@dataclass(frozen=True)
class DeliveryFailed:
    """An artefact did not reach a worker, or not whole."""

    at: float
    worker: str
    content_hash: str
    problem: str


@dataclass(frozen=True)
class Fetched:
    """A worker has an artefact, checked, wherever it came from."""

    at: float
    worker: str
    content_hash: str
    source: Source
    seconds: float = 0.0
    """How long it took there, the checking included."""


@dataclass(frozen=True)
class FetchFailed:
    """A worker could not have an artefact from its disk, or from a peer."""

    at: float
    worker: str
    content_hash: str
    problem: str
    transfer: int = 0
    """Number of the transfer from a peer; 0 for what was looked for on its disk."""


@dataclass(frozen=True)
class BaseModelDamaged:
    """The store's copy of a base model is not what its manifest says; it has been set aside."""

    at: float
    spec_hash: str


@dataclass(frozen=True)
class Tick:
    """Time has passed."""

    at: float


@dataclass(frozen=True)
class GoOn:
    """The last step has left something undone."""

    at: float


@dataclass(frozen=True)
class StopRequested:
    """Dispatch nothing more, let running jobs finish."""

    at: float


@dataclass(frozen=True)
class CancelRequested:
    """End running jobs too."""

    at: float


Event = (
    WorkerUp
    | WorkerLost
    | WorkerUnusable
    | SlotsHeldByOthers
    | PoolSeen
    | PoolUnseen
    | SeatPending
    | SeatRunning
    | SeatEnded
    | SeatRefused
    | AttemptStaging
    | AttemptStarted
    | AttemptSpoke
    | AttemptFinished
    | AttemptReleased
    | Collected
    | CollectionFailed
    | CheckpointSettled
    | CheckpointDamaged
    | ArtefactWanted
    | Delivered
    | DeliveryFailed
    | Fetched
    | FetchFailed
    | PeerEvent
    | BaseModelDamaged
    | Tick
    | GoOn
    | StopRequested
    | CancelRequested
    | Ordered
)
