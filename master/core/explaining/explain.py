"""Tells why a job has not ended: exactly one cause for each, whatever the state."""

from __future__ import annotations

from master.core.explaining.causes import Cause, Why
from master.core.explaining.hindrances import expected_end, hindrance
from master.core.planning.plan import base_model_job_id
from master.core.running.jobs import lacks_base
from master.core.running.lifecycle import ENDED, WITH_A_WORKER, State
from master.core.running.orders.membership import no_worker_left
from master.core.running.placing.assigning import may_start_more, most_at_once
from master.core.running.records import JobRecord, RunState

LOWER_RUNG = "the lower rung that its training goes on from"


def explain(state: RunState, job_id: str, at: float | None = None) -> Cause | None:
    """Return why a job has not ended; None where it has.  `at` is now, as Unix time.

    Costs as much as the run has workers, and jobs whose next attempt is put off.
    """
    record = state.jobs[job_id]
    if record.state in ENDED:
        return None
    if record.state in WITH_A_WORKER:
        return _with_a_worker(state, record)
    return _pending(state, record, at) if record.state is State.PENDING else _ready(state, record, at)


def speaks_for_all(state: RunState) -> str | None:
    """Return a job that tells why none runs; None while one does, and where all have ended.

    A job that could start tells more than one that has a worker, and that more than one that waits for it.
    """
    if state.counts[State.RUNNING] or not state.open_jobs:
        return None
    waits = (State.READY, State.STAGING, State.ASSIGNED, State.COLLECTING, State.PENDING)
    wanted = next(each for each in waits if state.counts[each])
    return next(job_id for job_id, record in state.jobs.items() if record.state is wanted)


def _with_a_worker(state: RunState, record: JobRecord) -> Cause:
    worker = record.worker or ""
    view = state.workers[worker]
    if not view.up:
        return Cause(
            Why.WORKER_SILENT, worker, reason=view.reason, since=view.since, until=_lease(state, worker)
        )
    if record.state is State.RUNNING:
        return Cause(Why.RUNS, worker, since=record.started_at, until=expected_end(state, record))
    if record.state is State.COLLECTING:
        return Cause(Why.COMES_HOME, worker)
    why = Why.AWAITS_FILES if record.state is State.STAGING else Why.STARTS
    return Cause(why, worker, since=record.assigned_at or None)


def _lease(state: RunState, worker: str) -> float:
    """Return when the jobs of a silent worker are given to others."""
    return state.workers[worker].since + state.policy.lease_s


def _pending(state: RunState, record: JobRecord, at: float | None) -> Cause:
    if lacks_base(state, record):
        base = base_model_job_id(record.job.needs or "")
        rung = LOWER_RUNG if record.job.resumes else ""
        return (
            Cause(Why.AWAITS_BASE_MODEL, job=base, of_base=explain(state, base, at), reason=rung)
            if _is_open(state, base)
            else _soon()
        )
    if state.policy.strict_phases and record.job.phase == 2 and state.open_phase1:
        return Cause(Why.AWAITS_PHASE_1)
    return _soon()


def _soon() -> Cause:
    return Cause(Why.GOES_ON)


def _is_open(state: RunState, job_id: str) -> bool:
    return job_id in state.jobs and state.jobs[job_id].state not in ENDED


def _ready(state: RunState, record: JobRecord, at: float | None) -> Cause:
    if state.stopping:
        return Cause(Why.STOPPING, reason=state.halted)
    if record.job not in state.ready:
        return _put_off(state, record)
    if not may_start_more(state):
        return Cause(Why.MOST_RUN, reason=str(most_at_once(state)))
    found = [hindrance(state, record, view, at) for view in state.workers.values()]
    free = [name for name, each in zip(state.workers, found, strict=True) if each is None]
    if free:
        return Cause(Why.IS_NEXT, free[0])
    if not found and state.removed:
        return Cause(Why.NO_ROOM, reason=no_worker_left(state))
    return Cause(Why.NO_ROOM, hindrances=tuple(each for each in found if each is not None))


def _put_off(state: RunState, record: JobRecord) -> Cause:
    job_id = record.job.job_id
    until = min((at for at, name in state.delayed if name == job_id), default=None)
    if job_id in state.awaiting:
        return Cause(Why.AWAITS_CHECKPOINT, record.worker or "", until=until)
    return Cause(Why.BACKS_OFF, reason=record.note, until=until)
