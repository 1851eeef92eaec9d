"""`retry`: another try with fresh allowances for jobs that have ended in vain; their history is kept."""

from __future__ import annotations

from collections.abc import Collection

from master.core.running.jobs import base_in_vain, base_of, blocked_by, lacks_base, revive
from master.core.running.lifecycle import State
from master.core.running.orders.each import by_now, no_job
from master.core.running.orders.of_jobs import RetryJobs
from master.core.running.orders.order import Ordered, Reply, Said
from master.core.running.records import JobRecord, Outbox, RunState

IN_VAIN = frozenset({State.FAILED, State.CANCELLED, State.PRUNED, State.BLOCKED})
STOPPING = "the run is stopping and starts nothing more: they start when the same command is given again"


def retry(state: RunState, event: Ordered, out: Outbox) -> Reply:
    """Let jobs that failed, were cancelled or pruned, or are blocked run again."""
    assert isinstance(event.order, RetryJobs)
    wanted = dict.fromkeys(event.order.jobs)
    verdicts = {job_id: _why_not(state, job_id, event.order, wanted) for job_id in wanted}
    meant = [state.jobs[job_id] for job_id, why in verdicts.items() if not why]
    freed = {each.job.job_id: each for record in meant for each in blocked_by(state, record)}
    for record in meant:
        freed.pop(record.job.job_id, None)
    blocked = list(freed.values())
    done = tuple(Said(record.job.job_id, _says(record)) for record in meant)
    refused = tuple(Said(job_id, why) for job_id, why in verdicts.items() if why)
    notes = [_wait_again(len(blocked))] if blocked else []
    if not event.dry_run:
        for record in (*meant, *blocked):
            _forget_failures(state, record)
        revive(state, (*meant, *blocked), out, note=f"retry {event.signed}")
    return Reply(done, refused, (*notes, STOPPING) if state.stopping and done else tuple(notes))


def _why_not(state: RunState, job_id: str, order: RetryJobs, wanted: Collection[str]) -> str:
    """Return why a job is not tried again; empty where it is."""
    record = state.jobs.get(job_id)
    if record is None:
        return no_job(job_id)
    if record.state is State.SUCCEEDED:
        return "has succeeded"
    if record.state not in IN_VAIN:
        return f"has not ended: it is {record.state.value}"
    base = base_of(state, record) if lacks_base(state, record) else None
    base = base_in_vain(state, base) if base else None
    if base and base.job.job_id not in wanted:
        how = "was cancelled" if base.cancelled_by else "failed"
        return f"starts from a base model whose training {how}: twophase retry {base.job.job_id}"
    return by_now(record, order)


def _says(record: JobRecord) -> str:
    tries = f" after {record.attempts} {'try' if record.attempts == 1 else 'tries'}"
    return f"was {record.state.value}{tries if record.attempts else ''}"


def _wait_again(count: int) -> str:
    return f"{count} {'job that was' if count == 1 else 'jobs that were'} blocked by it wait for it again"


def _forget_failures(state: RunState, record: JobRecord) -> None:
    """Give all allowances anew; what was learned of its need for GPU memory stays."""
    record.failures = record.losses = record.requeues = 0
    record.faults = record.false_starts = record.collect_faults = 0
    record.avoid, record.cancelled_by = frozenset(), ""
    record.hopeless.clear()
    state.barred.discard(record.job.job_id)
