"""What the core wants done, and what it wants remembered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from master.core.running.events import Attempt
from master.core.running.lifecycle import State, Trigger
from worker_agent.protocol.outcome import Finished, Outcome


@dataclass(frozen=True)
class StartAttempt:
    """Give an attempt to a worker.  May be said again for the same attempt."""

    worker: str
    job_id: str
    attempt: int


@dataclass(frozen=True)
class StartGroup:
    """Give a worker attempts that train at once."""

    worker: str
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True)
class Cancel:
    """End an attempt on a worker."""

    worker: str
    job_id: str
    attempt: int


@dataclass(frozen=True)
class Withdraw:
    """Take an attempt back if it has not started."""

    worker: str
    job_id: str
    attempt: int


@dataclass(frozen=True)
class Collect:
    """Bring an attempt's outcome home and answer with Collected or CollectionFailed.

    Where what another attempt made was faster, and is in place, the answer is that one's Collected.
    """

    worker: str
    job_id: str
    attempt: int
    finished: Finished
    others: Mapping[int, Finished] = field(default_factory=dict)
    """How those of the job's other attempts that succeeded and are not recorded."""


@dataclass(frozen=True)
class CollectFailedAttempt:
    """Bring the log of a failed attempt home if that can be done, then let the worker forget the attempt."""

    worker: str
    job_id: str
    attempt: int
    finished: Finished


@dataclass(frozen=True)
class Release:
    """Let the worker forget an attempt."""

    worker: str
    job_id: str
    attempt: int
    suspect: bool = False
    """What it has is not what it announced: it is to hash what the attempt used and made."""


@dataclass(frozen=True)
class DropCheckpoints:
    """Let a worker delete what attempts at a job that has succeeded left to go on from."""

    worker: str
    job_id: str


@dataclass(frozen=True)
class Deliver:
    """Bring an artefact to a worker and answer with Delivered or DeliveryFailed."""

    worker: str
    content_hash: str


@dataclass(frozen=True)
class Fetch:
    """Let a worker take an artefact from its disk and answer with Fetched or FetchFailed."""

    worker: str
    content_hash: str


@dataclass(frozen=True)
class Serve:
    """Let a worker serve an artefact to others and answer with Serving or ServeFailed."""

    worker: str
    content_hash: str
    transfer: int
    takers: tuple[str, ...]


@dataclass(frozen=True)
class Take:
    """Let a worker take an artefact from a peer, tell how it goes, and answer with Fetched or FetchFailed."""

    worker: str
    content_hash: str
    transfer: int
    source: str
    addresses: tuple[str, ...]
    port: int


@dataclass(frozen=True)
class Pause:
    """Say that a worker gets nothing for a while."""

    worker: str
    reason: str
    seconds: float


@dataclass(frozen=True)
class Resume:
    """Say that a worker which was paused is used again."""

    worker: str


@dataclass(frozen=True)
class Connect:
    """Begin to connect to a worker that joins the run."""

    worker: str


@dataclass(frozen=True)
class LetGo:
    """End the link to a worker that leaves the run, once what is being carried has come home."""

    worker: str
    answers: bool
    """Nothing of the run is there any more.  If not, nobody knows: it does not answer."""


@dataclass(frozen=True)
class HaveSlots:
    """Have a worker's agent make at least so many slots."""

    worker: str
    least: int | None
    """None: as its config says."""


@dataclass(frozen=True)
class SubmitSeat:
    """Ask a pool for an allocation, and answer with what becomes of it, or with SeatRefused."""

    worker: str


@dataclass(frozen=True)
class CancelSeat:
    """Give an allocation back."""

    worker: str
    allocation: str
    """The engine's id of it."""


@dataclass(frozen=True)
class Reach:
    """Begin to connect to a seat: its allocation runs."""

    worker: str


@dataclass(frozen=True)
class Unreach:
    """Connect to a seat no more, until it has another allocation."""

    worker: str


@dataclass(frozen=True)
class TakeJobs:
    """Be ready to start these jobs, which are new to the run."""

    jobs: tuple[str, ...]
    """Of both phases."""


@dataclass(frozen=True)
class Tell:
    """Say something of the run to the user."""

    text: str


@dataclass(frozen=True)
class TellPeople:
    """From now on tell people of the run."""

    addresses: str
    """A file of their addresses, absolute."""


@dataclass(frozen=True)
class Halt:
    """Say why nothing more is started."""

    reason: str


@dataclass(frozen=True)
class Finish:
    """The run is over."""

    exit_code: int


Command = (
    StartAttempt
    | StartGroup
    | Cancel
    | Withdraw
    | Collect
    | CollectFailedAttempt
    | Release
    | DropCheckpoints
    | Deliver
    | Fetch
    | Serve
    | Take
    | Pause
    | Resume
    | Connect
    | LetGo
    | HaveSlots
    | SubmitSeat
    | CancelSeat
    | Reach
    | Unreach
    | TakeJobs
    | Tell
    | TellPeople
    | Halt
    | Finish
)


@dataclass(frozen=True)
class Dropped:
    """An orphaned attempt that has ended without success, or is not needed."""

    attempt: int
    outcome: Outcome


@dataclass(frozen=True)
class Measured:
    """What a job had come to at a step at which it is compared with others."""

    metric: str
    step: float
    value: float


@dataclass(frozen=True)
class Transition:
    """One line of the journal: a job changed its state.  The journal is the state after a restart."""

    at: float
    job_id: str
    trigger: Trigger
    state: State
    attempt: int
    worker: str | None
    note: str = ""
    finished: Finished | None = None
    """On FINISH and on the triggers of a failure: how the attempt ended."""
    content_hash: str = ""
    """On COLLECT: of what is home."""
    dropped: Dropped | None = None
    """On DROP."""
    measured: Measured | None = None
    """On MEASURE, and on PRUNE."""
