"""What a run has come to, in figures: rows of jobs and base models, counts, time left, trainings saved."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace

from master.core.planning.generations.trees import below, in_tree, line
from master.core.planning.plan import base_model_job_id
from master.core.running.lifecycle import ENDED, State
from master.core.running.records import JobRecord, RunState
from worker_agent.protocol.outcome import LeftOut

_EXPLAINED = frozenset({State.FAILED, State.CANCELLED, State.PRUNED, State.BLOCKED})


@dataclass(frozen=True)
class JobRow:
    """A job as the user is told of it."""

    job_id: str
    phase: int
    state: State
    attempts: int
    """Tries so far; 0 for a job that was never given out."""
    attempt: int
    worker: str | None
    error: str
    """Why it did not succeed, on one line; empty where it did or still may."""
    spec_hash: str | None = None
    """Of the base model that it makes or starts from."""
    content_hash: str = ""
    """Of what came home."""
    slot: str | None = None
    started_at: float | None = None
    """Unix time on the worker."""
    duration_s: float | None = None
    together: int = 1
    """How many trained at once in its slot."""
    exit_code: int | None = None
    stderr_tail: str = ""
    peak_rss_bytes: int | None = None
    peak_gpu_bytes: int | None = None
    left_out: tuple[LeftOut, ...] = ()
    """What it left and what did not come home."""
    cancelled_by: str = ""
    """Who cancelled it, and why; empty for one that no user's order ended."""
    parent: str | None = None
    """Of a base model: the `spec_hash` of the one that it starts from, if it does …"""
    resumes_from: str | None = None
    """… or that its training goes on from, a lower rung of the same."""

    @property
    def where(self) -> str:
        """Return `worker:slot`, empty for a job that was never given out."""
        return ":".join(part for part in (self.worker, self.slot) if part)

    @property
    def own_s(self) -> float:
        """Return how long it would have had its slot alone, as far as is known: its share of the time."""
        return (self.duration_s or 0.0) / self.together

    @property
    def ended_at(self) -> float | None:
        """Return the Unix time on the worker when its last attempt ended."""
        if self.started_at is None or self.duration_s is None:
            return None
        return self.started_at + self.duration_s


def job_row(record: JobRecord) -> JobRow:
    """Return the row of a job, from its last attempt that ended."""
    row = JobRow(
        job_id=record.job.job_id,
        phase=record.job.phase,
        state=record.state,
        attempts=record.attempts,
        attempt=record.attempt,
        worker=record.worker,
        error=_why(record) if record.state in _EXPLAINED else "",
        spec_hash=record.job.makes or record.job.needs,
        content_hash=record.content_hash,
        cancelled_by=record.cancelled_by,
        parent=record.job.needs if record.job.makes and not record.job.resumes else None,
        resumes_from=record.job.needs if record.job.resumes else None,
    )
    finished = record.finished
    if finished is None:
        return row
    return replace(
        row,
        slot=finished.slot,
        started_at=finished.started_at,
        duration_s=finished.duration_s,
        together=finished.together or 1,
        exit_code=finished.exit_code,
        stderr_tail=finished.stderr_tail,
        peak_rss_bytes=finished.peak_rss_bytes,
        peak_gpu_bytes=finished.peak_gpu_bytes,
        left_out=tuple(finished.left_out),
    )


def job_rows(state: RunState, phase: int) -> list[JobRow]:
    """Return the rows of all jobs of a phase, in the order of the plan."""
    return [job_row(record) for record in state.jobs.values() if record.job.phase == phase]


def _why(record: JobRecord) -> str:
    if record.state is State.CANCELLED:
        return " ".join((State.CANCELLED.value, *record.cancelled_by.split()))
    finished = record.finished
    text = record.note or (finished.error if finished else "") or ""
    return " ".join(text.split()) or f"exit code {finished.exit_code if finished else None}"


@dataclass(frozen=True)
class BaseModelRow:
    """A base model of the run."""

    spec_hash: str
    content_hash: str
    """Empty while it is not at home."""
    jobs: int
    """Experiments that start from it, or from what comes of it."""
    training: JobRow | None
    """None where it was in the store from the start."""
    parent: str | None = None
    """`spec_hash` of what it starts from, None where that is nothing …"""
    resumes_from: str | None = None
    """… and of the lower rung that its training goes on from, None where it begins at the beginning."""
    depth: int = 0
    """How many of these above it are of the run, too."""
    trainings: int = 0
    """How many the experiments would have needed, each for itself: of it, and of what is not of the run."""


def base_model_rows(state: RunState, rows: Mapping[str, JobRow] | None = None) -> list[BaseModelRow]:
    """Return the base models of the run: those that it trains, those in the store, ancestors that were gone.

    What starts from another follows that one.  `rows` are those of Phase 1 by job id, where they are known
    already.
    """
    trained = {row.job_id: row for row in job_rows(state, phase=1)} if rows is None else rows
    plan, made = state.plan, (row.spec_hash for row in trained.values() if row.spec_hash)
    hashes, parents = dict.fromkeys((*plan.to_train, *plan.in_store, *made)), plan.parents
    direct = _users(state, hashes)
    users, alone = below(direct, plan.starts), below(direct, parents)
    return [
        BaseModelRow(
            *(spec_hash, state.home.get(spec_hash, ""), users[spec_hash]),
            trained.get(base_model_job_id(spec_hash)),
            *(parents.get(spec_hash), plan.lower_rungs.get(spec_hash), depth),
            alone[spec_hash] * _alone(spec_hash, hashes, parents),
        )
        for spec_hash, depth in in_tree(hashes, plan.starts)
    ]


def _alone(spec_hash: str, listed: Container[str], parents: Mapping[str, str]) -> int:
    """Return how many trainings a base model takes, with those of ancestors that are not listed."""
    if parents.get(spec_hash) in listed:
        return 1
    return sum(1 for _ in line(spec_hash, parents))


def _users(state: RunState, hashes: Iterable[str]) -> dict[str, int]:
    """Return how many experiments start from each base model itself."""
    dependents = {spec_hash: state.dependents.get(spec_hash, ()) for spec_hash in hashes}
    if not state.plan.starts:
        return {spec_hash: len(jobs) for spec_hash, jobs in dependents.items()}
    return {
        spec_hash: sum(state.jobs[job_id].job.makes is None for job_id in jobs)
        for spec_hash, jobs in dependents.items()
    }


@dataclass(frozen=True)
class Savings:
    """What sharing base models and keeping them in a store saved."""

    trainings: int
    seconds: float
    """Of the trainings whose length is known; 0 where none is."""


def savings(rows: Iterable[BaseModelRow]) -> Savings:
    """Return what the base models at home saved, had each experiment trained its own from the beginning.

    `rows` have lower rungs before those that go on from them.
    """
    trainings, seconds, whole_s = 0, 0.0, dict[str | None, float]()
    for row in rows:
        spared_s = whole_s.get(row.resumes_from, 0.0)
        own_s = row.training.own_s if row.training else 0.0
        whole_s[row.spec_hash] = spared_s + own_s
        if row.content_hash and row.jobs:
            saved = row.trainings - (row.training is not None)
            trainings += saved
            seconds += saved * whole_s[row.spec_hash] + (spared_s if own_s else 0.0)
    return Savings(trainings, seconds)


def utilization_percent(busy_s: float, slots: int, span_s: float) -> float:
    """Return the share of the slots' time in which they ran jobs, 0 to 100."""
    offered = slots * span_s
    return min(100.0, 100.0 * busy_s / offered) if offered > 0 else 0.0


@dataclass(frozen=True)
class PhaseCounts:
    """How the jobs of a phase stand."""

    total: int = 0
    succeeded: int = 0
    failed: int = 0
    blocked: int = 0
    cancelled: int = 0
    pruned: int = 0
    running: int = 0

    @classmethod
    def of(cls, counts: Mapping[State, int]) -> PhaseCounts:
        """Return the counts of jobs that are in these states."""
        named = {state.value: counts.get(state, 0) for state in (*ENDED, State.RUNNING)}
        return cls(total=sum(counts.values()), **named)

    @property
    def open(self) -> int:
        """Return how many have not ended."""
        ended = self.succeeded + self.failed + self.blocked + self.cancelled + self.pruned
        return self.total - ended
