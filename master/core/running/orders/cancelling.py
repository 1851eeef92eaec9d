"""`cancel`: jobs that end at once and stay ended until a retry, whatever their attempts do meanwhile.

The journal has the job's end before its worker hears of it, so that it ends once: a success that the journal
has first stays one, and what an attempt comes to later is thrown away like that of one which lost a race.
"""

from __future__ import annotations

from master.core.running import commands as cmd
from master.core.running.events import Attempt, AttemptReleased, WorkerUp
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.jobs import ON_A_WORKER, after_phase1, leave, move
from master.core.running.lifecycle import State, Trigger
from master.core.running.orders.each import each_job
from master.core.running.orders.of_jobs import CancelJobs
from master.core.running.orders.order import Ordered, Reply
from master.core.running.records import JobRecord, Outbox, RunState
from worker_agent.protocol.outcome import Outcome

_MOST_NAMED = 3


def cancel(state: RunState, event: Ordered, out: Outbox) -> Reply:
    """Cancel the jobs that have not succeeded."""
    assert isinstance(event.order, CancelJobs)

    def act(record: JobRecord) -> str:
        says = _says(state, record)
        if not event.dry_run:
            cancel_job(state, record, event.signed, out)
        return says

    return each_job(state, event.order, _why_not, act)


def _why_not(record: JobRecord) -> str:
    """Return why a job is not cancelled; empty where it is."""
    if record.state is State.SUCCEEDED:
        return "has succeeded"
    if record.state is State.COLLECTING:
        return f"has succeeded on {record.worker}, its outcome is on its way home"
    return f"was cancelled already {record.cancelled_by}" if record.cancelled_by else ""


def _says(state: RunState, record: JobRecord) -> str:
    says = f"was {record.state.value}" + (f" on {record.worker}" if record.state in ON_A_WORKER else "")
    view = state.workers.get(record.worker or "")
    if record.state in ON_A_WORKER and view and not view.up:
        says += ", which is not connected: it ends there when it is"
    if record.unrecorded_successes:
        says += "; a try has succeeded: where its outcome still comes home, that counts"
    return says + _blocks(state, record)


def _blocks(state: RunState, record: JobRecord) -> str:
    """Say which jobs wait for the base model that a job makes, and are blocked without it."""
    waiting = _waiting_for(state, record)
    if not waiting:
        return ""
    named = ", ".join([*waiting[:_MOST_NAMED], *(["…"] if len(waiting) > _MOST_NAMED else [])])
    which = "1 job that starts" if len(waiting) == 1 else f"{len(waiting)} jobs that start"
    return f"; blocks {which} from it ({named})"


def _waiting_for(state: RunState, record: JobRecord) -> list[str]:
    """Return the jobs that wait for what a job makes, and those that wait for theirs."""
    found = [record.job.job_id]
    for job_id in found:
        dependents = state.dependents.get(state.jobs[job_id].job.makes or "", ())
        found += (each for each in dependents if state.jobs[each].state is State.PENDING)
    return found[1:]


def cancel_job(state: RunState, record: JobRecord, signed: str, out: Outbox) -> None:
    """End a job until it is tried again; `signed` tells who did it and why."""
    if record.state in ON_A_WORKER and record.worker:
        leave(state, record)
        out.commands.append(cmd.Cancel(record.worker, *record.key))
        view = state.workers[record.worker]
        view.untold.add(record.key)
        if view.up:
            # It has its slot until it has ended there.
            view.reattached.add(record.key)
    state.awaiting.discard(record.job.job_id)
    record.cancelled_by = signed
    move(state, record, Trigger.USER_CANCEL, out, note=signed)
    after_phase1(state, record, out)


def end_is_told(state: RunState, view: WorkerView, key: Attempt, outcome: Outcome, out: Outbox) -> None:
    """Wait no more for the end of an attempt at a job that was cancelled, after a restart neither."""
    record = state.jobs.get(key[0])
    if record and record.state is not State.SUCCEEDED:
        move(state, record, Trigger.DROP, out, ended=cmd.Dropped(key[1], outcome))
    view.untold.discard(key)
    view.reattached.discard(key)


def on_worker_up(state: RunState, view: WorkerView, event: WorkerUp, out: Outbox) -> None:
    """Wait for the end of those attempts only that a worker still has, and whose end nobody has been told."""
    for key in sorted(view.untold - (event.attempts - event.ended)):
        end_is_told(state, view, key, Outcome.LOST, out)


def on_released(state: RunState, event: AttemptReleased, out: Outbox) -> None:
    """Wait for no attempt that its worker has not begun, as it knows another of this number of old."""
    view = state.workers[event.worker]
    for key in sorted(view.untold):
        if key[0] == event.job_id and key[1] <= event.attempt:
            end_is_told(state, view, key, Outcome.LOST, out)


def tell_awaited(state: RunState, out: Outbox) -> None:
    """Say what a start waits for that has no job to run."""
    for view in state.workers.values() if not state.open_jobs else ():
        jobs = ", ".join(job_id for job_id, _ in sorted(view.untold)[:_MOST_NAMED])
        if jobs:
            more = " and more" if len(view.untold) > _MOST_NAMED else ""
            text = (
                f"{jobs}{more} may still end there, cancelled before: it is waited for, at most for a lease"
            )
            out.commands.append(cmd.Tell(f"{view.name}: {text}"))


def awaited(view: WorkerView, at: float, lease_s: float) -> bool:
    """True while a worker has to tell that what was cancelled has ended there: a silent one for a lease."""
    return bool(view.untold) and (view.up or not view.tried or at - view.since <= lease_s)
