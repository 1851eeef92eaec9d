"""What a run is made of: all that a command has to tell the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from master.code.code_history import CodeStart
from master.code.origin import Described
from master.core.planning.plan import Plan
from master.core.running.orders.of_jobs import AddJobs
from master.core.running.policy import Policy
from master.runs.run_lock import RUN_TWO_PHASE, Owner
from master.specs import EMPTY, ClusterSpec, JobsSpec, ServerSpec
from master.storage.run_layout import RunLayout
from worker_agent.protocol.messages import Launch, Mount

if TYPE_CHECKING:
    from master.core.running.records import JobRecord

NO_JOBS = JobsSpec((), "")


@dataclass(frozen=True)
class StoredBaseModel:
    """What a launch needs to know of a base model in the store."""

    content_hash: str
    name: str | None = None
    """The directory name below `experiments/base_models/` that the script itself chose, if it did."""


@dataclass(frozen=True)
class Start:
    """An attempt that is to begin on a worker."""

    record: JobRecord
    attempt: int
    data: Sequence[Mount] = ()
    """The data of the cluster config, as this worker has it."""
    base: StoredBaseModel | None = None
    """What a job that needs a base model starts from."""
    is_local: bool = False
    """The worker is this machine."""
    has_gpus: bool = False
    """It gives jobs GPUs."""


@dataclass(frozen=True)
class Code:
    """The user's code as it was when the command was given."""

    directories: Mapping[str, Path]
    """What workers may ask for, by content hash."""
    launch: Callable[[Start], Launch]
    """Returns the message that starts an attempt."""
    notes: tuple[str, ...] = ()
    """What the user should know of it."""
    start: CodeStart | None = None
    """What is remembered of it; None where there are several projects."""
    describe: Callable[[str], Described] = lambda job_id: Described()
    """Tells by job what results say of how they came about."""
    take_more: Callable[[JobsSpec], None] = lambda more: None
    """Takes in jobs that users have added."""


class Work(Protocol):
    """What the jobs of a run do."""

    def take(self, layout: RunLayout) -> Code:
        """Take the snapshot of the code.  Raises ConfigError where that cannot be."""


@dataclass(frozen=True)
class Known:
    """What a run has when jobs are added to it."""

    ids: Mapping[str, str]
    """`job_hash` → `job_id`."""
    servers: Sequence[ServerSpec] = ()
    """Its workers; empty: those of the start."""
    additions: Mapping[str, CodeStart] = field(default_factory=lambda: EMPTY)
    """The code of those that have a program of their own, by name."""


@dataclass(frozen=True)
class MoreJobs:
    """Jobs that a user adds."""

    order: AddJobs
    """With what the file says."""
    jobs: JobsSpec
    work: Work | None = None
    """What they do; None: what the command's own do."""


ReadMore = Callable[[AddJobs, Known], MoreJobs]
"""Reads jobs that a user adds.  Raises ConfigError and UsageError."""


@dataclass(frozen=True)
class RunSpec:
    """A run, checked; nothing has been written or started."""

    layout: RunLayout
    cluster: ClusterSpec
    plan: Plan
    work: Work
    """What the jobs of the command do."""
    policy: Policy = field(default_factory=Policy)
    jobs: JobsSpec = NO_JOBS
    """The jobs file, where the run has one: its ids are kept, its base models have a configuration."""
    in_store: Mapping[str, Mapping[str, Any]] = field(default_factory=lambda: EMPTY)
    """Manifests of the base models in the store, by `spec_hash`."""
    damaged: Mapping[str, str] = field(default_factory=lambda: EMPTY)
    """What is wrong with those of them whose files are damaged, and with others that are there."""
    resumes: bool = True
    """Goes on where an earlier start stopped.  If not, every start runs all jobs anew, and forgets."""
    retries_cancelled: bool = False
    """What users cancelled in earlier starts runs again, too."""
    in_terminal: bool = False
    """Jobs on this machine have the terminal."""
    owner: Owner = RUN_TWO_PHASE
    read_more: ReadMore | None = None
    """None where no jobs can be added."""
    added: tuple[MoreJobs, ...] = ()
    """Those of the jobs that were added in earlier starts with programs of their own."""
