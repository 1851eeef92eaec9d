"""Jobs whose next attempt waits until what the last one left to go on from is home."""

from __future__ import annotations

from collections.abc import Iterator

from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.jobs import may_be_queued
from master.core.running.lifecycle import State
from master.core.running.records import JobRecord, Outbox, RunState
from worker_agent.protocol.outcome import Finished


def is_left(finished: Finished | None) -> bool:
    """Tell from how an attempt ended whether the next one can go on from what it left."""
    return finished is not None and finished.can_go_on


def note_left(record: JobRecord, finished: Finished) -> None:
    """Remember where checkpoints are."""
    if record.worker and finished.can_go_on:
        record.left_on |= {record.worker}


def drop(state: RunState, record: JobRecord, out: Outbox) -> None:
    """The job has succeeded: nobody needs its checkpoints any more."""
    known = sorted(record.left_on & state.workers.keys())
    out.commands += [cmd.DropCheckpoints(worker, record.job.job_id) for worker in known]
    record.left_on = frozenset()


def hold(state: RunState, record: JobRecord, at: float, delay_s: float = 0.0) -> None:
    """Keep a ready job back until its checkpoint is home, for a limited time, and its back-off is over."""
    record.ready_at = at + delay_s
    state.awaiting.add(record.job.job_id)
    state.delay(record, at + max(delay_s, state.policy.checkpoint_s))


def on_settled(state: RunState, event: ev.CheckpointSettled, out: Outbox) -> None:
    """It is home, or will not come."""
    record = state.jobs.get(event.job_id)
    if record and record.attempt == event.attempt:
        _settle(state, record, event.at)


def on_damaged(state: RunState, event: ev.CheckpointDamaged, out: Outbox) -> None:
    """Take back the attempt that would wait for it on its worker; the next one begins without."""
    for view in state.workers.values():
        view.delivering.discard(event.content_hash)
    record = state.jobs.get(event.job_id)
    if record and may_be_queued(record) and record.worker:
        out.commands.append(cmd.Withdraw(record.worker, *record.key))


def on_worker_up(state: RunState, event: ev.WorkerUp) -> None:
    """A worker that does not know of an attempt any more has nothing of it."""
    for record in _awaited_from(state, event.worker):
        if record.key not in event.attempts:
            _settle(state, record, event.at)


def on_silent(state: RunState, view: WorkerView, at: float) -> None:
    """Nobody waits longer than a lease for a worker that does not answer."""
    for record in _awaited_from(state, view.name):
        _settle(state, record, at)


def awaited_workers(state: RunState) -> set[str | None]:
    """Return the workers from which checkpoints are to come that jobs wait for: some have been let go."""
    records = (state.jobs[job_id] for job_id in state.awaiting)
    return {
        record.worker for record in records if record.state is State.READY and record.job not in state.ready
    }


def _awaited_from(state: RunState, worker: str) -> Iterator[JobRecord]:
    for job_id in sorted(state.awaiting):
        if state.jobs[job_id].worker == worker:
            yield state.jobs[job_id]


def _settle(state: RunState, record: JobRecord, at: float) -> None:
    if record.job.job_id in state.awaiting and record.state is State.READY:
        state.delay(record, max(at, record.ready_at))
    state.awaiting.discard(record.job.job_id)
