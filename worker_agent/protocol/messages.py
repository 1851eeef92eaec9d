"""The messages between master and agent: one JSON object a line, in both directions.

master                              agent
  hello (epoch, settings)      →     (runs `setup`)
                               ←    welcome (slots, attempts, cached) or refused
  secrets, launch, launch_all, cancel, withdraw, release, drop_checkpoints →
                               ←    event (seq grows), replayed until acknowledged
  ack (seq)                    →
                               ←    wanted (an artefact that a queued attempt needs)
  delivered (it is in incoming) →
                               ←    rejected (its digest is wrong: send it again), released (known of old)
  fetch (see `artefacts.fetching`)             → ←  fetched, fetch_failed
  peering, serve, take (see `artefacts.peering`)   → ←  serving, serve_failed, received
  watch (see `logs.watching`)       → ←  log_chunk, progress, slots, usage   (may be lost)
  ping                         → ←  pong
  shutdown                     →    (ends the agent when nothing is left to do)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Dict, List, NamedTuple, Optional, Sequence, Tuple, Type, Union, get_args

from worker_agent.protocol.artefacts.fetching import Fetch, Fetched, FetchFailed
from worker_agent.protocol.artefacts.peering import Peering, Received, Serve, ServeFailed, Serving, Take
from worker_agent.protocol.codec import Amount, Bytes, Count, MessageError, Plan, dump, load, plan_of
from worker_agent.protocol.events import Event
from worker_agent.protocol.logs.watching import LogChunk, Watching
from worker_agent.protocol.reports import Progress, Released, Slots, Usage, WorkerFacts
from worker_agent.protocol.script_contract import DEFAULT_EXECUTOR
from worker_agent.protocol.terms import CollectRules, JobLimits, Secrets

PROTOCOL = 3
"""Grows where a master says what agents of before cannot read: 2 has groups and several GPUs, 3 has rungs."""

LEAST_LOG_BYTES = 1 << 20
"""The lowest limit for logs: what is smaller is not worth cutting."""

AUTO = "auto"
"""In the place of GPU ids: all that there are."""
SHARED, ALONE = "shared", "alone"
"""`Launch.gpu_use`: a job beside others, or on a whole GPU, the one with most memory that is free."""
BY_INDEX, BY_UUID = "index", "uuid"
"""`Settings.visible_gpus`."""


@dataclass(frozen=True)
class Settings:
    """How the agent of one run runs its jobs; the same for all jobs of the run on this worker."""

    gpus: List[str] = field(default_factory=list)
    """Indices or UUIDs, or only `auto`; empty for CPU slots."""
    slots_per_gpu: Optional[int] = None
    """Jobs at a time on a GPU; None shares GPUs by memory."""
    gpu_reserve: int = 1_000_000_000
    """Bytes of each GPU that are not given out, and that may be in use without it counting as in use."""
    gpu_idle_s: float = 60.0
    """How long a GPU that others used must be idle before it gets jobs."""
    visible_gpus: str = BY_INDEX
    """How `CUDA_VISIBLE_DEVICES` names a whole GPU: by `index` where it is certain, or always by `uuid`."""
    cpu_slots: Optional[int] = None
    """Jobs at a time without GPUs; None is one for every two cores."""
    least_slots: Optional[int] = None
    """At least so many jobs at a time in all, where the above comes to fewer; None is as the above says."""
    work_dir: Optional[str] = None
    """For big files; None is below the state directory.  `~` and variables are expanded by the agent."""
    env: Dict[str, str] = field(default_factory=dict)
    """Extra environment of every job."""
    secrets: List[str] = field(default_factory=list)
    """Names of variables that come in a message of their own: nothing starts before, and no file has them."""
    setup: List[str] = field(default_factory=list)
    """Shell lines that make the environment of jobs."""
    modules: List[str] = field(default_factory=list)
    """If the jobs' Python lacks one of these, the master is told."""
    required_modules: List[str] = field(default_factory=list)
    """A worker whose Python lacks one of these is of no use …"""
    directories: List[str] = field(default_factory=list)
    """… nor is one that lacks one of these."""
    kill_grace_s: float = 10.0
    """From SIGINT to SIGTERM, and from SIGTERM to SIGKILL, when a job is ended."""
    log_limit_bytes: int = 64 * 1024 * 1024
    """How much of a job's log is kept: its beginning and its end."""
    checkpoint_limit_bytes: int = 8 * 1024**3
    """A larger checkpoint is not told of: it does not leave the worker."""
    cache_limit_bytes: Optional[int] = None
    """How large the cache may grow, apart from what runs use; None is as long as the disk has room."""


@dataclass(frozen=True)
class Hello:
    """The master's first message."""

    type: ClassVar[str] = "hello"
    protocol: int
    run_id: str
    epoch: Count
    """Grows with every start of the master; agents refuse older ones."""
    settings: Settings


class AttemptKey(NamedTuple):
    """One try at a job; in messages a list `[job_id, attempt]`."""

    job_id: str
    attempt: int

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> "AttemptKey":
        """Return the key of a row.  Raises ValueError for another one."""
        job_id, attempt = row
        if type(job_id) is not str or type(attempt) is not int or not 0 <= attempt < 2**63:
            raise ValueError(f"not an attempt: {row!r:.200}")
        return cls(job_id, attempt)


@dataclass(frozen=True)
class Welcome:
    """The agent's answer to hello; unacknowledged events follow."""

    type: ClassVar[str] = "welcome"
    protocol: int
    digest: str
    boot_id: str
    slots: List[str]
    """Those of jobs that do not say what they need, e.g. `gpu0`, `gpu1.m0-31`, `cpu3`."""
    held_by_others: Amount
    """How many slots' worth of them other runs or users have now."""
    attempts: List[AttemptKey]
    """Those that it has not been told to release."""
    cached: List[str]
    """Content hashes of the artefacts in the worker's cache."""
    work_dir: str
    """Absolute; `WorkLayout` tells what is where below it."""
    facts: WorkerFacts
    ended: List[AttemptKey] = field(default_factory=list)
    """Those of `attempts` whose end a master has acknowledged: it is not told again."""
    gpu_bytes: List[Bytes] = field(default_factory=list)
    """The memory of each GPU that jobs may have; 0 where it is not known.  Empty for CPU slots."""
    slots_per_gpu: Optional[Count] = None
    """As in the settings."""
    left_alone: List[str] = field(default_factory=list)
    """Its GPUs that get no new jobs now, each with the reason, for the user."""


@dataclass(frozen=True)
class Refused:
    """The agent will not talk to this master: it has met a newer one, or speaks another protocol."""

    type: ClassVar[str] = "refused"
    reason: str
    passing: bool = False
    """It may be otherwise soon: a disk that is full is one that somebody makes room on."""


@dataclass(frozen=True)
class Mount:
    """Something that a job sees below its working directory."""

    at: str
    """Relative path; empty: every top-level entry of the artefact is shown in the working directory."""
    artefact: Optional[str] = None
    """Content hash of a cached directory …"""
    path: Optional[str] = None
    """… or a path that is on the worker already."""


@dataclass(frozen=True)
class Launch:
    """Run an attempt as soon as a slot is free and its artefacts are here.  A repetition is ignored."""

    type: ClassVar[str] = "launch"
    job_id: str
    attempt: Count
    phase: int
    argv: List[str]
    """The command; `{python}`, `{device}` (`cuda` or `cpu`) and `{output_dir}` stand for the worker's own."""
    mounts: List[Mount] = field(default_factory=list)
    """The code, the data and, for scripts that look for it there, the base model."""
    base_model_hash: Optional[str] = None
    """The `spec_hash` of the base model that the job makes (Phase 1) or starts from (Phase 2)."""
    base_model: Optional[str] = None
    """The content hash of the base model to start from; Phase 1: of the parent of what it makes."""
    resumes: bool = False
    """Phase 1: `base_model` is no parent but the same training with fewer epochs, which goes on."""
    keeps_state: bool = False
    """Phase 1: the training's state belongs into the base model."""
    env: Dict[str, str] = field(default_factory=dict)
    executor: str = DEFAULT_EXECUTOR
    """What is to run it; one of `EXECUTORS`."""
    timeout_s: Optional[float] = None
    """How long it may run."""
    stall_timeout_s: Optional[float] = None
    """How long neither its log nor its progress file may change."""
    gpu_bytes: Optional[Bytes] = None
    """GPU memory that it needs; None takes the usual slot."""
    gpus: Optional[Count] = None
    """On how many GPUs it runs, with so much memory of each; None is one, where the worker has any."""
    gpu_use: str = SHARED
    """`shared`, or `alone` on a GPU of its own."""
    checkpoint: Optional[str] = None
    """Content hash of what an earlier attempt left in its checkpoint directory, to begin with …"""
    checkpoint_attempt: Optional[Count] = None
    """… and which attempt that was: what a later one left on the worker itself is preferred."""
    output_from: Optional[str] = None
    """A directory below the working one, or `.`, whose new files are results too; see `script_contract`."""
    collect: Optional[CollectRules] = None
    """Which of the files come home; None is all."""
    limits: Optional[JobLimits] = None
    """What it may take; None is as much as there is."""
    group: Optional[str] = None
    """Attempts with the same one that lack nothing when a slot is free share it, and train at once."""


@dataclass(frozen=True)
class LaunchAll:
    """Launches that are taken in at once: none of them starts before all are known."""

    type: ClassVar[str] = "launch_all"
    launches: List[Launch]


@dataclass(frozen=True)
class Cancel:
    """End an attempt, queued or running, and confirm by an event `finished` that it is gone."""

    type: ClassVar[str] = "cancel"
    job_id: str
    attempt: Count


@dataclass(frozen=True)
class Withdraw:
    """End an attempt like cancel, but only if it is still queued; a running one goes on."""

    type: ClassVar[str] = "withdraw"
    job_id: str
    attempt: Count


@dataclass(frozen=True)
class Release:
    """The attempt's files may go; where it was `suspect`, what it used and made is hashed again."""

    type: ClassVar[str] = "release"
    job_id: str
    attempt: Count
    suspect: bool = False


@dataclass(frozen=True)
class DropCheckpoints:
    """The job has succeeded: no attempt will go on from what others left in its checkpoint directories."""

    type: ClassVar[str] = "drop_checkpoints"
    job_id: str


@dataclass(frozen=True)
class Ack:
    """All events up to `seq` are in the master's journal."""

    type: ClassVar[str] = "ack"
    seq: Count


@dataclass(frozen=True)
class Delivered:
    """An artefact lies whole, but unchecked, at `WorkLayout.incoming`."""

    type: ClassVar[str] = "delivered"
    content_hash: str


@dataclass(frozen=True)
class Ping:
    """Asks for a pong with the same number."""

    type: ClassVar[str] = "ping"
    number: int


@dataclass(frozen=True)
class Shutdown:
    """The run is over: the agent ends once nothing runs, and forgets the run."""

    type: ClassVar[str] = "shutdown"


@dataclass(frozen=True)
class Wanted:
    """A queued attempt waits for this artefact; said once for all attempts, again after a reconnection."""

    type: ClassVar[str] = "wanted"
    content_hash: str


@dataclass(frozen=True)
class Rejected:
    """What was delivered is not what its hash says; it has been set aside."""

    type: ClassVar[str] = "rejected"
    content_hash: str
    problem: str


@dataclass(frozen=True)
class Pong:
    """Answers a ping."""

    type: ClassVar[str] = "pong"
    number: int


_ToEnd = Union[Cancel, Withdraw, Release, DropCheckpoints, Shutdown]
_ToSpread = Union[Fetch, Peering, Serve, Take]
ToAgent = Union[Hello, Secrets, Launch, LaunchAll, Ack, Delivered, _ToSpread, Ping, _ToEnd, Watching]
_Arrival = Union[Wanted, Rejected, Fetched, FetchFailed, Serving, ServeFailed, Received]
ToMaster = Union[Welcome, Refused, Event, _Arrival, Released, Progress, Slots, Usage, Pong, LogChunk]
Message = Union[ToAgent, ToMaster]

_CLASSES: Tuple[Type[Any], ...] = get_args(Message)
_BY_TYPE: Dict[str, Plan] = {cls.type: plan_of(cls) for cls in _CLASSES}


def encode(message: Message) -> bytes:
    """Return the message as one line."""
    body = {"type": message.type}
    body.update(message.__dict__)
    return dump(body).encode() + b"\n"


def decode(line: bytes) -> Message:
    """Return the message of a line.  Raises MessageError for anything else."""
    try:
        body = load(line.decode())
        plan = _BY_TYPE[body.pop("type")]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MessageError(f"not a message: {line[:200]!r}") from error
    return plan.make(body)  # type: ignore[no-any-return]
