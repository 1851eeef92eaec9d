"""An addition whose jobs fail alike is halted: what of it has not begun is cancelled, and all else goes on.

No user gave that order, but it holds as theirs do: over restarts, until a `retry`.
"""

from __future__ import annotations

from master.core.running import commands as cmd
from master.core.running.jobs import may_be_queued
from master.core.running.lifecycle import ENDED, State
from master.core.running.orders.cancelling import cancel_job
from master.core.running.records import JobRecord, Outbox, RunState


def halt_addition(state: RunState, addition: str, reason: str, out: Outbox) -> None:
    """Cancel the jobs of an addition that have not begun; what runs may end."""
    waiting = [record for record in state.jobs.values() if _is_to_end(state, record, addition)]
    for record in waiting:
        cancel_job(state, record, f"by twophase: {reason}", out)
    state.forget_alike(addition)
    ended = f"{len(waiting)} of its jobs that had not begun {'is' if len(waiting) == 1 else 'are'} cancelled"
    advice = "mend it, then `twophase retry`"
    out.commands.append(cmd.Tell(f"{addition}: {reason}: {ended}, all else goes on; {advice}"))


def _is_to_end(state: RunState, record: JobRecord, addition: str) -> bool:
    if record.job.addition != addition:
        return False
    has_not_begun = record.state in (State.PENDING, State.READY) or may_be_queued(record)
    return has_not_begun and not _others_wait(state, record, addition)


def _others_wait(state: RunState, record: JobRecord, addition: str) -> bool:
    """True where jobs of other programs wait for the base model that a job makes, or for one below it."""
    dependents = (state.jobs[job_id] for job_id in state.dependents.get(record.job.makes or "", ()))
    others = (other for other in dependents if other.state not in ENDED)
    return any(other.job.addition != addition or _others_wait(state, other, addition) for other in others)
