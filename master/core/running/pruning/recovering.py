"""What a restart makes of what the journal tells of jobs that are compared."""

from __future__ import annotations

from master.core.running import checkpoints
from master.core.running.commands import Measured
from master.core.running.lifecycle import ENDED, State, Trigger
from master.core.running.records import JobRecord, RunState


def note_remark(state: RunState, record: JobRecord, trigger: Trigger, measured: Measured) -> None:
    """Take in what a job had come to, and whether it was told to end there."""
    if trigger is Trigger.PRUNE:
        record.pruned_at = measured
    elif state.contests:
        state.contests.note(record.job.job_id, measured)


def stays_pruned(state: RunState, record: JobRecord) -> bool:
    """True for what was pruned, while jobs are."""
    is_compared = state.contests is not None and record.job.job_id in state.contests
    return is_compared and record.state is State.PRUNED


def take_up(state: RunState, record: JobRecord) -> None:
    """Put a job where it stands among those that it is compared with."""
    if state.contests is None or record.job.job_id not in state.contests:
        return
    if record.state in ENDED:
        state.contests.heard.add(record.job.job_id)  # earlier starts have told, where it was silent
    stopped = record.pruned_at
    state.contests.of(record.job.job_id).let_pass(record.job.job_id, stopped.step if stopped else None)
    if (
        record.state is State.PRUNED
        and checkpoints.is_left(record.finished)
        and record.worker in state.workers
    ):
        state.awaiting.add(record.job.job_id)
