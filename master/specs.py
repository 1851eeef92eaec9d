"""What the user asked for, checked and frozen.  Everything behind the parsers works on these."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from worker_agent.protocol.messages import Settings
from worker_agent.protocol.terms import NO_LIMITS, JobLimits

EMPTY: Mapping[str, Any] = MappingProxyType({})

Config = Mapping[str, Any]
"""A job's fields in the order of the file: scalars and flat lists of scalars."""


@dataclass(frozen=True)
class DataDir:
    """A data directory that a job sees under `name` in its working directory."""

    name: str
    """Relative path below the working directory, e.g. `data/001_60s_window`."""
    path: str
    """Where it is: on the worker, or, with `sync`, on the head node, from where it is copied once."""
    sync: bool = False


@dataclass(frozen=True)
class ServerSpec:
    """One worker of the cluster config."""

    name: str
    """Unique in the cluster and shown to the user: the host, with `user@` and `:port` where needed."""
    host: str
    user: str | None = None
    port: int | None = None
    ssh_key: str | None = None
    python: str | None = None
    """Interpreter for the agent and the jobs; None is `python3`, on the head node the running one."""
    state_dir: str = "~/.twophase"
    data: tuple[DataDir, ...] = ()
    labels: tuple[str, ...] = ()
    env_from: tuple[str, ...] = ()
    """Variables of the environment here that jobs get too."""
    env_file: str | None = None
    """A file here with more of them."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The values of both: for the agent alone, in no file and no log."""
    limits: JobLimits = NO_LIMITS
    """What each job may take of it at most."""
    agent: Settings = field(default_factory=Settings)
    """What its agent is told."""
    pool: PoolSpec | None = None
    """Whose seat it is: then it is reached through the pool's login host, which the fields above name."""

    @property
    def is_here(self) -> bool:
        """True where no SSH is needed: it is this machine, or a seat of a pool whose login host this is."""
        return self.host == "localhost"

    @property
    def is_local(self) -> bool:
        """True where jobs run on this machine."""
        return self.is_here and self.pool is None


BY_SRUN, BY_SSH = "srun", "ssh"
REACHES = (BY_SRUN, BY_SSH)
"""How an agent in an allocation is reached from the login host."""


@dataclass(frozen=True)
class PoolSpec:
    """A source of machines: an engine that lends a node for a while, as an allocation.  Slurm is one."""

    name: str
    """Unique in the cluster; its seats are called `NAME.1`, `NAME.2` …"""
    login: ServerSpec
    """The login host, named by its host; with what its seats have in common."""
    seats: int
    """So many allocations at most at once."""
    time_s: float
    """How long an allocation lasts."""
    idle_s: float = 300.0
    """An allocation that had nothing to do for so long is given back."""
    queued: int = 1
    """So many allocations at most wait in the engine's queue at once."""
    reach: str = BY_SRUN
    """One of `REACHES`."""
    options: tuple[str, ...] = ()
    """Of `sbatch`, none of which is among ours."""

    def seat(self, number: int) -> ServerSpec:
        """Return a seat, counted from 1, as a worker."""
        return replace(self.login, name=f"{self.name}.{number}", pool=self)

    @property
    def all_seats(self) -> tuple[ServerSpec, ...]:
        """All seats, as workers."""
        return tuple(self.seat(number) for number in range(1, self.seats + 1))


TOLD_OF_END, TOLD_OF_FAILURE, TOLD_OF_WORKER = "end", "failure", "worker"
TOLD_OF = (TOLD_OF_END, TOLD_OF_FAILURE, TOLD_OF_WORKER)
"""What a user may be told of away from the terminal: the end, the first failure, workers that are lost."""


@dataclass(frozen=True)
class NotifySpec:
    """Who is told of a run away from its terminal."""

    addresses: str | None = None
    """A file of addresses in the form that apprise reads: they are secrets, and only its reader opens it."""
    command: tuple[str, ...] = ()
    """A program on the head node that is given each message, with its arguments."""
    on: tuple[str, ...] = TOLD_OF


@dataclass(frozen=True)
class ClusterSpec:
    """A cluster config."""

    servers: tuple[ServerSpec, ...]
    """Its workers: the servers, then the seats of its pools."""
    phase1_labels: tuple[str, ...] = ()
    """Only servers with all of these labels train base models."""
    script_path: str | None = None
    ssh_config: str = "~/.ssh/config"
    known_hosts: str = "~/.ssh/known_hosts"
    notify: NotifySpec | None = None
    pools: tuple[PoolSpec, ...] = ()
    peers: bool = False
    """Workers take base models from each other: for each, one listens on a port for seconds."""


BASE_PREFIX = "base_experiment_prefix"
"""In the second of two stages: the `prefix` of the job that makes what a job starts from."""


@dataclass(frozen=True)
class BaseModelSpec:
    """A base model as it was asked for."""

    spec_hash: str
    config: Config
    """What identifies it: the hashed fields, what they lead to, and `code`."""
    is_plain: bool = False
    """Whether its training is told what identifies it and nothing else: the form of the jobs says no more."""
    parent: BaseModelSpec | None = None
    """What its training starts from; None for one that starts afresh."""
    stage: str = ""
    """Which stage of the jobs file it is of; empty where that has none."""
    training: Config | None = None
    """Fields of the job that trains it; None: the first job that needs it tells them."""
    rung: int = 0
    """How far its training goes; 0 where its jobs file has no rungs."""
    rung_field: str = ""
    """The field that says so."""
    lower: BaseModelSpec | None = None
    """The lower rung that its training goes on from; None where it does not."""

    @property
    def start(self) -> BaseModelSpec | None:
        """What its training needs: the rung that it goes on from, which came of the parent; or that."""
        return self.lower or self.parent

    @property
    def described(self) -> dict[str, Any]:
        """What it is, ready for JSON: what identifies it, where it stands among generations and rungs."""
        place = {"stage": self.stage, "parent": self.parent.spec_hash if self.parent else None}
        rung = {"resumes_from": self.lower.spec_hash if self.lower else None}
        return {
            "config": dict(self.config),
            **(place if self.stage else {}),
            **(rung if self.rung else {}),
        }

    @property
    def lineage(self) -> tuple[BaseModelSpec, ...]:
        """What its training needs before it, the first of all first, and itself."""
        found, above = [self], self.start
        while above:
            found.append(above)
            above = above.start
        return tuple(reversed(found))


@dataclass(frozen=True)
class Fused:
    """What a trainer says of jobs that it can train at once."""

    may_differ: frozenset[str]
    """Fields in which such jobs may differ; all others must be equal."""
    partition: tuple[str, ...] = ()
    """Fields of which a reader would expect that they may differ, and that must not: shapes, mostly."""
    same_bits: frozenset[str] = frozenset()
    """Of `cpu` and `gpu`: where results are those of a job alone to the bit; elsewhere to rounding."""


MEDIAN, ASHA = "median", "asha"
PRUNED_BY = (MEDIAN, ASHA)
MINIMIZE, MAXIMIZE = "minimize", "maximize"
EPOCH = "epoch"


@dataclass(frozen=True)
class PruneSpec:
    """When jobs of a search are stopped that do worse than others like them."""

    by: str
    """One of `PRUNED_BY`."""
    metric: str
    """What jobs are compared by, of the metrics that they report …"""
    direction: str = MINIMIZE
    """… and which is better: less of it, or more (`MAXIMIZE`)."""
    step: str = EPOCH
    """What they are compared at: `epoch`, or another of their metrics that grows."""
    within: tuple[str, ...] = ("fold", "participants", "seed")
    """Jobs are compared where these of their fields are equal."""
    least_steps: int = 1
    """Nobody is stopped before: the warm-up of `median`, the first rung of `asha`."""
    eta: int = 3
    """`asha`: each rung is so many times as far as the one before, and one of so many goes on there."""
    every: int = 1
    """`median`: jobs are compared at every so many steps."""
    least_jobs: int = 5
    """`median`: so many others must have come as far."""


@dataclass(frozen=True)
class Rungs:
    """That a training goes on from one that is equal but for a lower value of a field, and ends the same."""

    by: str
    """The field that says how long a training goes on, such as `epochs`: a whole number."""
    horizon: str = ""
    """The field over which schedules are laid; empty where there are none."""
    not_with: Mapping[str, tuple[Any, ...]] = field(default_factory=lambda: EMPTY)
    """Values of fields with which the result is another one; None: the field is left out, too."""


@dataclass(frozen=True)
class JobSpec:
    """One experiment of the jobs file."""

    job_id: str
    """Unique in the run; also the path of its result below `experiments/`, as `<prefix>/<name>`."""
    job_hash: str
    """Hash of `config`: recognises the job when the command is given again."""
    config: Config
    """Hyperparameters, passed to the script as flags."""
    place: str
    """Where it stands in the file, e.g. `job 3`."""
    base_model: BaseModelSpec | None = None
    """What it starts from; None if it needs none."""
    kind: str = ""
    """Jobs of one kind take about equally long."""
    addition: str = ""
    """The name under which it was added with a program of its own; empty: the command's program runs it."""
    fused: Fused | None = None
    """Which jobs its trainer can train at once; None: none."""
    contest: str = ""
    """Jobs with the same text here are compared with each other; empty: it is never stopped early."""


@dataclass(frozen=True)
class JobsSpec:
    """A jobs file."""

    jobs: tuple[JobSpec, ...]
    source: str
    base_models: Mapping[str, BaseModelSpec] = field(default_factory=dict)
    """By `spec_hash`, in the order of first use."""
    base_jobs: Mapping[str, Config] = field(default_factory=lambda: EMPTY)
    """Fields of the jobs that train base models, where the file lists these jobs, by `spec_hash`."""
    says_of_base_models: bool = True
    """Whether the file says if there are any: in a word of its own, or by the form of its jobs."""
    prune: PruneSpec | None = None
    """When jobs are stopped that do worse than others; None: never."""
    asked_for: frozenset[str] = frozenset()
    """Fields of sweeps, and those that the command line sets: columns of the table, with one value too."""
    rungs: Rungs | None = None
    """By which field trainings of base models go on from each other; None: each begins at the beginning."""

    @property
    def starts(self) -> dict[str, str]:
        """What base models start from or go on from, those that do, by `spec_hash`."""
        bases = self.base_models.values()
        return {base.spec_hash: base.start.spec_hash for base in bases if base.start}

    @property
    def parents(self) -> dict[str, str]:
        """What base models start from, those that start from another, by `spec_hash`."""
        bases = self.base_models.values()
        return {base.spec_hash: base.parent.spec_hash for base in bases if base.parent}

    def with_more(self, more: JobsSpec) -> JobsSpec:
        """Return these jobs, and those of another file that are not among them."""
        new = more.without({job.job_hash for job in self.jobs})
        return replace(
            self,
            jobs=(*self.jobs, *new.jobs),
            base_models={**new.base_models, **self.base_models},
            base_jobs={**new.base_jobs, **self.base_jobs},
            asked_for=self.asked_for | new.asked_for,
            rungs=self.rungs or new.rungs,
        )

    def of_addition(self, name: str) -> JobsSpec:
        """Return the jobs of one addition, or with "" those of the command's program."""
        return self.without({job.job_hash for job in self.jobs if job.addition != name})

    def without(self, known: Collection[str]) -> JobsSpec:
        """Return the jobs whose `job_hash` is not known, with the base models that they start from."""
        new = tuple(job for job in self.jobs if job.job_hash not in known)
        needed = base_models_of(new)
        base_jobs = {spec_hash: config for spec_hash, config in self.base_jobs.items() if spec_hash in needed}
        return replace(self, jobs=new, base_models=needed, base_jobs=base_jobs)


def base_models_of(jobs: Iterable[JobSpec]) -> dict[str, BaseModelSpec]:
    """Return what jobs start from, parents before their children, by `spec_hash`."""
    found: dict[str, BaseModelSpec] = {}
    for job in jobs:
        if job.base_model and job.base_model.spec_hash not in found:
            found.update((base.spec_hash, base) for base in job.base_model.lineage)
    return found
