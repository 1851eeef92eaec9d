"""The state of a run: plain data.

While a run goes on, only `run_state` and the handlers that it calls change it: `jobs`, `attempts`, `retry`,
`checkpoints`, `artefacts` and `workers`.  `recovery` does before it begins.  All others read.
"""

from __future__ import annotations

import heapq
from collections import Counter, deque
from dataclasses import dataclass, field

from master.core.planning.plan import Job, Plan
from master.core.planning.resources import Resources
from master.core.running.commands import Command, Measured, Transition
from master.core.running.events import Attempt
from master.core.running.fleet.holds import Hold
from master.core.running.fleet.seats import Pool
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.lifecycle import ENDED, FORGETTING, QUEUED, State, Trigger, next_state
from master.core.running.orders.order import Ordered, Reply
from master.core.running.placing.free_workers import FreeWorkers
from master.core.running.placing.placement import LEAST_ROOM, ReadyJobs, lookahead
from master.core.running.policy import Policy
from master.core.running.pruning.contests import Contests
from master.core.running.spread.takers import Peers
from worker_agent.protocol.outcome import Finished


@dataclass(frozen=True)
class FormerAttempt:
    """An attempt whose worker fell silent, or forgot it.  It may come back."""

    worker: str
    base: str
    finished: Finished | None
    """How it ended where only the way home was missing.  Nothing will be said of it again."""


@dataclass(slots=True)
class JobRecord:
    """What is known of a job."""

    job: Job
    state: State = State.PENDING
    attempt: int = 0
    """The current attempt, or the last one."""
    attempts: int = 0
    """Highest attempt ever given out."""
    worker: str | None = None
    failures: int = 0
    losses: int = 0
    requeues: int = 0
    evictions: int = 0
    """Attempts of it that ended with their allocation."""
    faults: int = 0
    """Attempts of it that ran when their worker's place turned bad …"""
    false_starts: int = 0
    """… those that it kept from starting …"""
    collect_faults: int = 0
    """… and those whose outcomes their worker could not hand over."""
    avoid: frozenset[str] = frozenset()
    """Workers on which it failed."""
    assigned_at: float = 0.0
    """When the current attempt was given to its worker."""
    started_at: float | None = None
    """When the attempt that runs began, as far as is known."""
    unbegun: int = 0
    """How many of its attempts were taken back before they began."""
    moves: int = 0
    """How often it was taken from a worker because another had room …"""
    moved_from: str | None = None
    """… and from which the last time."""
    hopeless: dict[str, str] = field(default_factory=dict)
    """Worker → why it would fail there again in the same way."""
    alone: bool = False
    """GPU memory was not enough for it beside others: it gets a whole GPU, a large one."""
    gpu_need: int | None = None
    """GPU memory that the current attempt, or its group, was given, in bytes; None for the usual slot."""
    group: str = ""
    """What the current attempt trains at once with; empty where it trains alone."""
    orphaned: dict[int, FormerAttempt] = field(default_factory=dict)
    """By attempt; empty once no other attempt can win any more."""
    unrecorded_successes: dict[int, FormerAttempt] = field(default_factory=dict)
    """Attempts that succeeded on their worker, until one is recorded: any result may be in place."""
    base: str = ""
    """Content hash of the base model that the current attempt starts from."""
    finished: Finished | None = None
    """How the current attempt ended, None while it has not."""
    left_on: frozenset[str] = frozenset()
    """Workers that hold checkpoints of it."""
    ready_at: float = 0.0
    """When the back-off is over, for a job that waits for a checkpoint."""
    collected: int = 0
    """The last attempt whose outcome came home."""
    content_hash: str = ""
    note: str = ""
    cancelled_by: str = ""
    """Who cancelled it and why; empty for a job that no user cancelled, or that is to be tried again."""
    pruned_at: Measured | None = None
    """Where it was found that it does worse than others: it is being ended there, or was …"""
    is_spared: bool = False
    """… unless its user let it go on: it is compared no more."""
    history: list[str] = field(default_factory=list)

    @property
    def key(self) -> Attempt:
        """Its current attempt."""
        return self.job.job_id, self.attempt

    @property
    def outcomes(self) -> dict[int, Finished]:
        """What the agents said at the end of the attempts that are not recorded, by attempt."""
        made = self.unrecorded_successes.items()
        return {attempt: former.finished for attempt, former in made if former.finished}

    def note_success(self) -> None:
        """Remember that the current attempt succeeded on its worker."""
        if self.worker:
            self.unrecorded_successes[self.attempt] = FormerAttempt(self.worker, self.base, self.finished)


@dataclass(slots=True)
class Outbox:
    """What a step wants remembered and done, in that order."""

    at: float
    """The time of the event: all that follows from it happens then."""
    transitions: list[Transition] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    remarks: list[Transition] = field(default_factory=list)
    """To be remembered after the transitions; who watches the run is not told of them."""
    orders: list[Ordered] = field(default_factory=list)
    """To be remembered too: what users wanted, and got."""
    reply: Reply | None = None
    """To who gave the order that was the event."""


@dataclass(slots=True)
class RunState:
    """All that the core knows."""

    plan: Plan
    policy: Policy
    jobs: dict[str, JobRecord] = field(default_factory=dict)
    workers: dict[str, WorkerView] = field(default_factory=dict)
    pools: dict[str, Pool] = field(default_factory=dict)
    """Those that lend workers; empty where all of them are machines of their own."""
    removed: dict[str, Hold] = field(default_factory=dict)
    """Workers that users have taken out of the run."""
    any_gone: bool = False
    """Whether a worker has left since the start: what it says after that is not heard."""
    left_at: float = 0.0
    """When a worker went last, or, of those that went before this start, when that began."""
    home: dict[str, str] = field(default_factory=dict)
    """`spec_hash` → `content_hash` of the base models in the store."""
    dependents: dict[str, list[str]] = field(default_factory=dict)
    """`spec_hash` → jobs that start from it."""
    counts: Counter[State] = field(default_factory=Counter)
    open_jobs: int = 0
    """Jobs that have not ended."""
    any_machine_needs: bool = False
    """Whether a job says how many cores or how much memory it needs."""
    any_limits: bool = False
    """Whether a job or a worker has limits."""
    open_phase1: int = 0
    """Phase 1 jobs that have not ended."""
    ready: ReadyJobs = field(default_factory=ReadyJobs)
    free: FreeWorkers = field(init=False, repr=False)
    mean_s: float | None = None
    """Mean duration of attempts when jobs were placed last."""
    queued: set[str] = field(default_factory=set)
    """Jobs that have been given to a worker and have not started there."""
    more_to_place: bool = False
    """There are ready jobs, and workers with room for them."""
    unlocking: deque[str] = field(default_factory=deque)
    """Pending jobs whose base model has ended: they go on, or are blocked, a few with each step."""
    retired: dict[str, int] = field(default_factory=dict)
    """Highest attempt of the journal's jobs that the plan does not hold."""
    damaged: set[str] = field(default_factory=set)
    """Content hashes of the base models that turned out to be damaged."""
    disks: dict[str, set[str]] = field(default_factory=dict)
    """Disk of caches → workers that have told it at some time."""
    sent: dict[tuple[str, str], float] = field(default_factory=dict)
    """Worker and artefact that is being sent to it → since when."""
    longest_send_s: float = 0.0
    """The most that a base model took to a worker; 0 before the first came."""
    next_warming_at: float = 0.0
    """When it is looked next whether a worker is about to run out of work."""
    peers: Peers = field(default_factory=Peers)
    """Who takes what from which other worker."""
    behind: dict[tuple[str, str], float] = field(default_factory=dict)
    """Worker and artefact that it is to take from its disk once another one has it there, and since when."""
    delayed: list[tuple[float, str]] = field(default_factory=list)
    """Heap of ready jobs that wait for the end of their back-off."""
    awaiting: set[str] = field(default_factory=set)
    """Ready jobs that wait for a checkpoint; some may have been let go meanwhile."""
    gpu_peaks: dict[str, int] = field(default_factory=dict)
    """GPU kind → the most GPU memory that a job of it was seen with, in bytes."""
    durations: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Kind → number and sum of the seconds that its attempts took."""
    barred: set[str] = field(default_factory=set)
    """Jobs that some workers must not have any more; some have ended meanwhile."""
    waiting: frozenset[Resources] = frozenset()
    """Needs of ready jobs of which the user knows that no worker for them is up."""
    alike: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    """Addition and signature of a failure → jobs of it that failed so since its last success, and where."""
    contests: Contests | None = None
    """What the jobs of a search have come to; None where none is stopped for doing worse than others."""
    at_once: int | None = None
    """How many attempts may be out on all workers together, as the user ordered; None: as the policy says."""
    halted: str = ""
    """Why nothing more is started though nobody asked for that."""
    stopping: bool = False
    cancelling: bool = False
    finished: bool = False

    def __post_init__(self) -> None:
        """Nobody is free yet."""
        self.free = FreeWorkers(self._standing)

    def _standing(self, worker: str) -> tuple[float, int] | None:
        """Tell how full a worker is; None where it has no room."""
        view = self.workers.get(worker)
        if view is None:
            return None
        room = view.room(lookahead(view.slots, self.mean_s))
        return (view.used - view.slots, view.number) if room >= LEAST_ROOM / 2 else None

    @classmethod
    def fresh(cls, plan: Plan, policy: Policy, workers: list[str]) -> RunState:
        """Return the state before anything has happened."""
        state = cls(plan, policy, home=dict(plan.in_store))
        state.contests = Contests(plan.prune) if plan.prune else None
        for job in plan.jobs:
            state.add_job(job)
        state.workers = {name: WorkerView(name, number) for number, name in enumerate(workers)}
        return state

    def add_job(self, job: Job) -> JobRecord:
        """Take a job in, pending."""
        before = self.retired.get(job.job_id, 0)
        record = self.jobs[job.job_id] = JobRecord(job, attempt=before, attempts=before, collected=before)
        self.counts[record.state] += 1
        self.open_jobs += 1
        self.any_machine_needs |= bool(job.resources.cpus or job.resources.memory)
        self.any_limits |= bool(job.resources.limits)
        self.open_phase1 += job.phase == 1
        if self.contests and job.contest:
            self.contests.enter(job.job_id, job.contest)
        if job.needs:
            self.dependents.setdefault(job.needs, []).append(job.job_id)
        return record

    def move(self, record: JobRecord, trigger: Trigger) -> None:
        """Change a job's state.  Raises InternalError, changing nothing, where the table forbids it."""
        new = next_state(record.job.job_id, record.state, trigger, record.history)
        self.counts[record.state] -= 1
        self.counts[new] += 1
        opened = (record.state in ENDED) - (new in ENDED)
        self.open_jobs += opened
        if record.job.phase == 1:
            self.open_phase1 += opened
        if record.state is State.READY is not new:
            self.ready.discard(record.job)
        if new in QUEUED:
            self.queued.add(record.job.job_id)
        elif record.state in QUEUED:
            self.queued.discard(record.job.job_id)
        record.state = new
        if self.contests and record.job.job_id in self.contests:
            self.contests.note_move(record.job.job_id, trigger, new)
        if trigger in FORGETTING:
            record.orphaned.clear()
        record.history.append(f"{trigger.value}#{record.attempt}@{record.worker}")

    def specs_of(self, content_hash: str) -> list[str]:
        """Return the `spec_hash`es of the base models at home that hold just this; mostly one or none."""
        return [spec_hash for spec_hash, at_home in self.home.items() if at_home == content_hash]

    def delay(self, record: JobRecord, until: float) -> None:
        """Keep a ready job back until its back-off is over."""
        heapq.heappush(self.delayed, (until, record.job.job_id))

    def due(self, at: float) -> list[JobRecord]:
        """Take out and return the jobs whose back-off is over."""
        jobs = []
        while self.delayed and self.delayed[0][0] <= at:
            record = self.jobs[heapq.heappop(self.delayed)[1]]
            if record.state is State.READY:
                jobs.append(record)
        return jobs

    def learn(self, record: JobRecord) -> None:
        """Take note of how long the attempt that just finished took, and of its GPU memory."""
        finished, kind = record.finished, record.job.gpu_kind
        if finished is None:
            return
        together = finished.together or 1
        if finished.peak_gpu_bytes is not None and kind and together == 1:
            # Of all its GPUs together; how uneven it lay on them is not known.
            of_each = finished.peak_gpu_bytes // (record.job.resources.gpus or 1)
            self.gpu_peaks[kind] = max(of_each, self.gpu_peaks.get(kind, 0))
        seconds = finished.duration_s
        if seconds is not None:
            count, total = self.durations.get(record.job.kind, (0, 0.0))
            self.durations[record.job.kind] = count + 1, total + seconds / together

    def forget_alike(self, addition: str) -> None:
        """Count the failures of an addition, or of the command's jobs, from none again."""
        if self.alike:
            self.alike = {key: failed for key, failed in self.alike.items() if key[0] != addition}

    def expected_s(self, job: Job) -> float:
        """Seconds that a job will take: what its user says, else the mean of its kind, else 0."""
        if job.expected_s is not None:
            return job.expected_s
        count, total = self.durations.get(job.kind, (0, 0.0))
        return total / count if count else 0.0

    def mean_duration_s(self) -> float | None:
        """Mean over all attempts that ended in this run, None before the first."""
        count = sum(n for n, _ in self.durations.values())
        return sum(total for _, total in self.durations.values()) / count if count else None
