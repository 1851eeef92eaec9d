"""What happens to attempts.

An attempt whose worker falls silent for the length of a lease is orphaned and its job tried elsewhere.  When
the worker comes back, nothing that it did is thrown away: what succeeded is collected, what may still run is
taken back while its replacement has not started, and races with a replacement that has.
"""

from __future__ import annotations

from dataclasses import replace

from master.core.running import checkpoints, pauses
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.artefacts import want
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.jobs import (
    ON_A_WORKER,
    after_phase1,
    blocked_by,
    current,
    finish,
    give_no_number_twice,
    is_stale,
    leave,
    make_ready,
    move,
    reattached_attempts,
    revive,
)
from master.core.running.lifecycle import ADOPTING, ENDED, QUEUED, WITH_A_WORKER, State, Trigger
from master.core.running.orders import cancelling
from master.core.running.pruning.stopping import shelve
from master.core.running.records import FormerAttempt, JobRecord, Outbox, RunState
from master.core.running.retry import Verdict, judge, note_failure, note_hopeless, why_given_up
from master.core.running.seating.drained import note_end
from master.core.running.spread import one_disk
from worker_agent.protocol.outcome import Finished, Outcome

_NOT_THE_WORKERS = frozenset(
    {Outcome.LOST, Outcome.EVICTED, Outcome.REQUEUE, Outcome.OUT_OF_MEMORY, Outcome.WORKER_FAULT}
)
"""Another try on the same worker may well do: now, or after its pause."""


def on_staging(state: RunState, event: ev.AttemptStaging, out: Outbox) -> None:
    """Note that an attempt waits for an artefact, and bring it the base model if that is missing."""
    if record := current(state, event.worker, event.job_id, event.attempt):
        move(state, record, Trigger.STAGE, out)
        view = state.workers[event.worker]
        if record.base and record.base not in view.cached:
            want(state, view, record.base, out)


def on_started(state: RunState, event: ev.AttemptStarted, out: Outbox) -> None:
    """Note that an attempt runs, and end it where the run is being cancelled."""
    if record := current(state, event.worker, event.job_id, event.attempt):
        _note_start(state, record, out)
        if state.cancelling or state.workers[event.worker].ends_jobs:
            out.commands.append(cmd.Cancel(event.worker, *record.key))


def _note_start(state: RunState, record: JobRecord, out: Outbox) -> None:
    move(state, record, Trigger.START, out)
    pauses.on_start(state.workers[record.worker or ""], record.key, out.at)


def _note_start_by_end(state: RunState, record: JobRecord, finished: Finished, out: Outbox) -> None:
    """Note that an attempt ran whose end came before anybody was told that it had begun."""
    if finished.started_at is None or record.state not in QUEUED:
        return
    before = Outbox(max(record.assigned_at, out.at - (finished.duration_s or 0.0)))
    _note_start(state, record, before)
    out.transitions += before.transitions
    out.commands += before.commands


def on_finished(state: RunState, event: ev.AttemptFinished, out: Outbox) -> None:
    """Have the outcome of an attempt brought home, or decide what follows its failure."""
    view, key = state.workers[event.worker], (event.job_id, event.attempt)
    view.reattached.discard(key)
    view.ending.discard(key)
    if view.seat:
        note_end(view, view.seat, current(state, event.worker, *key), event.finished, event.at)
    if key in view.untold:
        cancelling.end_is_told(state, view, key, event.finished.outcome, out)
    record = current(state, event.worker, event.job_id, event.attempt)
    if record is not None:
        _note_start_by_end(state, record, event.finished, out)
    if record is None:
        state.free.add(view.name)
        _finished_late(state, event, out)
    elif record.state is State.COLLECTING:
        return
    elif event.finished.succeeded:
        finish(state, record, event.finished, out)
    else:
        _finished_in_vain(state, record, event, out)
    pauses.on_end(state, view, event.finished, out)


def _finished_in_vain(state: RunState, record: JobRecord, event: ev.AttemptFinished, out: Outbox) -> None:
    finished = record.finished = event.finished
    if finished.outcome is Outcome.WORKER_FAULT:
        record.faults += finished.started_at is not None
        record.false_starts += finished.started_at is None
    checkpoints.note_left(record, finished)
    out.commands.append(cmd.CollectFailedAttempt(event.worker, *record.key, finished))
    if finished.outcome is not Outcome.CANCELLED or record.pruned_at:
        is_lost = finished.outcome is Outcome.LOST
        outcome = state.workers[event.worker].loss if is_lost else finished.outcome
        end_attempt(state, record, outcome, out, finished.error or "", finished)
        if record.state is not State.PRUNED:
            note_failure(state, record, finished, out)
        return
    leave(state, record)
    if state.cancelling:
        move(state, record, Trigger.CANCEL, out, ended=finished)
    else:
        interrupted = finished if finished.started_at is not None else None
        move(state, record, Trigger.WITHDRAW, out, ended=interrupted)
        _go_on(state, record, out, awaits=checkpoints.is_left(interrupted))


def _finished_late(state: RunState, event: ev.AttemptFinished, out: Outbox) -> None:
    """Take the end of an attempt that its job no longer waits for."""
    key = event.job_id, event.attempt
    record = state.jobs.get(event.job_id)
    lost = record.orphaned.get(event.attempt) if record else None
    if record is None or lost is None or lost.worker != event.worker:
        if record and record.cancelled_by and (record.worker, record.key) == (event.worker, key):
            record.finished = event.finished  # so that its log comes home
        discard(state, state.workers[event.worker], key, out)
    elif record.state not in ADOPTING:
        _drop(state, record, event.attempt, event.finished.outcome, out)
        discard(state, state.workers[event.worker], key, out)
    elif event.finished.succeeded:
        record.orphaned[event.attempt] = replace(lost, finished=event.finished)
        adopt(state, record, event.attempt, out)
    else:
        _drop(state, record, event.attempt, event.finished.outcome, out)
        out.commands.append(cmd.CollectFailedAttempt(event.worker, *key, event.finished))


def _drop(state: RunState, record: JobRecord, attempt: int, outcome: Outcome, out: Outbox) -> None:
    """Wait no more for an orphaned attempt."""
    del record.orphaned[attempt]
    move(state, record, Trigger.DROP, out, ended=cmd.Dropped(attempt, outcome))


def on_released(state: RunState, event: ev.AttemptReleased, out: Outbox) -> None:
    """Give a job another number where its worker will not start an attempt that it knows of old.

    After a repetition of what has gone on meanwhile nothing is to be done.
    """
    cancelling.on_released(state, event, out)
    record = state.jobs.get(event.job_id)
    if record is None or record.worker != event.worker or record.state is not State.ASSIGNED:
        return
    if record.attempt <= event.attempt:
        give_no_number_twice(record, event.attempt)
        leave(state, record)
        move(state, record, Trigger.WITHDRAW, out, note=f"{event.worker} knows the attempt of old")
        _go_on(state, record, out)


def on_collected(state: RunState, event: ev.Collected, out: Outbox) -> None:
    """Record an outcome that is home.

    It counts even if its attempt has been orphaned meanwhile, or the job cancelled after it had succeeded.
    """
    record = state.jobs.get(event.job_id)
    if record is None or not record.collected < event.attempt <= record.attempts:
        return
    had_succeeded = bool(record.cancelled_by) and event.attempt in record.unrecorded_successes
    if record.state in ENDED and not had_succeeded:
        return
    if record.state in WITH_A_WORKER:
        leave(state, record)
    if record.attempt != event.attempt:
        _replace_current(record, event.attempt, out)
    record.collected, record.content_hash = event.attempt, event.content_hash
    record.unrecorded_successes.clear()
    record.cancelled_by = ""
    move(state, record, Trigger.COLLECT, out)
    if record.worker:
        out.commands.append(cmd.Release(record.worker, *record.key))
    checkpoints.drop(state, record, out)
    if view := state.workers.get(record.worker or ""):
        pauses.trust(state, view, out)
    if record.job.makes:
        state.home[record.job.makes] = event.content_hash
        state.damaged.discard(event.content_hash)
        state.peers.unfit.discard(event.content_hash)  # it may have been for its damage
        if view:
            view.cached.add(event.content_hash)
            one_disk.expect_model_of(state, view, event.content_hash)
        if had_succeeded:
            revive(state, blocked_by(state, record), out)
        after_phase1(state, record, out)


def _replace_current(record: JobRecord, attempt: int, out: Outbox) -> None:
    """Make an orphaned attempt the current one."""
    if record.state in WITH_A_WORKER and record.worker:
        kind = cmd.Cancel if record.state in ON_A_WORKER else cmd.Release
        out.commands.append(kind(record.worker, *record.key))
    lost = record.orphaned.pop(attempt, None) or record.unrecorded_successes.get(attempt)
    record.attempt = attempt
    record.worker, record.base = (lost.worker, lost.base) if lost else (None, "")
    record.finished = lost.finished if lost else None


def on_collection_failed(state: RunState, event: ev.CollectionFailed, out: Outbox) -> None:
    """Fail an attempt whose outcome cannot be brought home; what the worker did costs no retry at first.

    Where it goes on, elsewhere too, it is the job or this machine: a name of a file that no disk here takes.
    """
    record = state.jobs.get(event.job_id)
    if record is None or record.state is not State.COLLECTING or record.attempt != event.attempt:
        return
    if record.worker:
        out.commands.append(cmd.Release(record.worker, *record.key, suspect=event.worker_fault))
    if not event.worker_fault or record.collect_faults >= state.policy.max_collect_faults:
        end_attempt(state, record, Outcome.FAILED, out, event.problem)
        return
    record.collect_faults += 1
    record.faults += 1
    view = state.workers.get(record.worker or "")
    end_attempt(state, record, Outcome.WORKER_FAULT, out, event.problem)
    if view:
        record.avoid |= {view.name}
        pauses.pause(state, view, event.problem, out)


def end_attempt(
    state: RunState,
    record: JobRecord,
    outcome: Outcome,
    out: Outbox,
    note: str = "",
    finished: Finished | None = None,
) -> None:
    """The current attempt ended without success, or (lost without a word) is orphaned."""
    if record.pruned_at:
        shelve(state, record, out, finished)
        return
    leave(state, record)
    reason = note_hopeless(state, record, finished)
    verdict = judge(record, outcome, state.policy)
    if reason and verdict.trigger is Trigger.RETRY and (why := why_given_up(state, record, out.at)):
        verdict = Verdict(Trigger.FAIL, note=why)
    note = note if reason and note.startswith(reason) else reason or note
    if outcome not in _NOT_THE_WORKERS and record.worker:
        record.avoid |= {record.worker}
    if verdict.trigger is Trigger.LOSE and finished is None:
        orphan(record)
    text = f"{verdict.note}: {note}" if note else verdict.note
    move(state, record, verdict.trigger, out, note=text, ended=finished)
    if verdict.trigger is Trigger.FAIL:
        after_phase1(state, record, out)
    else:
        _go_on(state, record, out, verdict.delay_s, awaits=checkpoints.is_left(finished))


def _go_on(
    state: RunState,
    record: JobRecord,
    out: Outbox,
    delay_s: float = 0.0,
    *,
    awaits: bool = False,
) -> None:
    """Find the next attempt for a job that is ready: one that still runs somewhere, or a new one."""
    if reattached := reattached_attempts(state, record):
        adopt(state, record, reattached[0][1], out)
    elif awaits:
        checkpoints.hold(state, record, out.at, delay_s)
    elif delay_s:
        state.delay(record, out.at + delay_s)
    else:
        make_ready(state, record, out)


def orphan(record: JobRecord) -> None:
    """Remember the current attempt for the case that it comes back."""
    if record.worker:
        finished = record.finished if record.state is State.COLLECTING else None
        record.orphaned[record.attempt] = FormerAttempt(record.worker, record.base, finished)


def meet_again(
    state: RunState, view: WorkerView, key: ev.Attempt, out: Outbox, *, is_told: bool = False
) -> None:
    """Decide on an attempt that a worker brings back though its job no longer waits for it.

    `is_told` where it has ended, and another master was told how.
    """
    job_id, attempt = key
    record = state.jobs.get(job_id)
    lost = record.orphaned.get(attempt) if record else None
    if record is None or lost is None or lost.worker != view.name:
        discard(state, view, key, out)
        return
    is_unheard = is_told and lost.finished is None
    if is_unheard or record.state not in ADOPTING:
        _drop(state, record, attempt, Outcome.LOST if is_unheard else Outcome.CANCELLED, out)
        discard(state, view, key, out)
        return
    if record.state is State.RUNNING and lost.finished is None:
        view.reattached.add(key)
    else:
        adopt(state, record, attempt, out)
    if state.cancelling or view.ends_jobs:
        out.commands.append(cmd.Cancel(view.name, *key))


def adopt(state: RunState, record: JobRecord, attempt: int, out: Outbox) -> None:
    """Take an orphaned attempt back, in place of the current one."""
    lost = record.orphaned[attempt]
    leave(state, record)
    _replace_current(record, attempt, out)
    record.losses = max(0, record.losses - 1)
    move(state, record, Trigger.ADOPT, out, note="its worker came back")
    view = state.workers[lost.worker]
    view.reattached.discard(record.key)
    view.attempts.add(record.key)
    if lost.finished is not None:
        finish(state, record, lost.finished, out)
    elif is_stale(state, record):
        # Where it still waits for that base model, it would wait for ever.
        out.commands.append(cmd.Withdraw(view.name, *record.key))


def discard(state: RunState, view: WorkerView, key: ev.Attempt, out: Outbox) -> None:
    """Let a worker drop an attempt, once more by way of its log if that was the last thing asked for."""
    record = state.jobs.get(key[0])
    finished = record.finished if record and record.state is not State.SUCCEEDED else None
    if record and finished and (record.worker, record.key) == (view.name, key):
        out.commands.append(cmd.CollectFailedAttempt(view.name, *key, finished))
    else:
        out.commands += [cmd.Cancel(view.name, *key), cmd.Release(view.name, *key)]
