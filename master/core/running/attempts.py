"""What happens to attempts.

An attempt whose worker falls silent for the length of a lease is orphaned and its task tried elsewhere.  When
the worker comes back, nothing that it did is thrown away: what succeeded is collected, what may still run is
taken back while its replacement has not started, and races with a replacement that has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from master.core.running import checkpoints
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.artefacts import want
from master.core.running.lifecycle import ENDED, WITH_A_WORKER, State, Trigger
from master.core.running.records import FormerAttempt, Outbox, RunState, TaskRecord, WorkerView
from master.core.running.retry import judge
from master.core.running.tasks import (
    ON_A_WORKER,
    after_phase1,
    current,
    expect_model,
    finish,
    leave,
    make_ready,
    move,
    reattached_attempts,
)
from worker_agent.protocol.outcome import Outcome


def on_staging(state: RunState, event: ev.AttemptStaging, out: Outbox) -> None:
    """Note that an attempt waits for an artefact, and bring it the base model if that is missing."""
    if record := current(state, event.worker, event.task_id, event.attempt):
        move(state, record, Trigger.STAGE, event.at, out)
        view = state.workers[event.worker]
        if record.base and record.base not in view.cached:
            want(state, view, record.base, out)


def on_started(state: RunState, event: ev.AttemptStarted, out: Outbox) -> None:
    """Note that an attempt runs, and end it where the run is being cancelled."""
    if record := current(state, event.worker, event.task_id, event.attempt):
        move(state, record, Trigger.START, event.at, out)
        if state.cancelling:
            out.commands.append(cmd.Cancel(event.worker, *record.key))


def on_finished(state: RunState, event: ev.AttemptFinished, out: Outbox) -> None:
    """Have the outcome of an attempt brought home, or decide what follows its failure."""
    view = state.workers[event.worker]
    view.reattached.discard((event.task_id, event.attempt))
    state.maybe_free.add(view.name)
    record = current(state, event.worker, event.task_id, event.attempt)
    if record is None:
        _finished_late(state, event, out)
    elif record.state is State.COLLECTING:
        return
    elif event.outcome == "succeeded":
        finish(state, record, event.detail, event.at, out)
    else:
        _finished_in_vain(state, record, event, out)


def _finished_in_vain(state: RunState, record: TaskRecord, event: ev.AttemptFinished, out: Outbox) -> None:
    record.finished = event.detail
    checkpoints.note_left(record, event.detail)
    out.commands.append(cmd.CollectFailedAttempt(event.worker, *record.key, event.detail))
    if event.outcome != "cancelled":
        note = str(event.detail.get("error") or "")
        end_attempt(state, record, event.outcome, event.at, out, note, event.detail)
        return
    leave(state, record)
    if state.cancelling:
        move(state, record, Trigger.CANCEL, event.at, out, detail=event.detail)
    else:
        move(state, record, Trigger.WITHDRAW, event.at, out)
        _go_on(state, record, event.at, out)


def _finished_late(state: RunState, event: ev.AttemptFinished, out: Outbox) -> None:
    """Take the end of an attempt that its task no longer waits for."""
    key = event.task_id, event.attempt
    record = state.tasks.get(event.task_id)
    lost = record.orphaned.get(event.attempt) if record else None
    if record is None or lost is None or lost.worker != event.worker:
        discard(state, state.workers[event.worker], key, out)
    elif event.outcome == "succeeded":
        record.orphaned[event.attempt] = replace(lost, finished=event.detail)
        adopt(state, record, event.attempt, event.at, out)
    else:
        del record.orphaned[event.attempt]
        detail = {"attempt": event.attempt, "outcome": event.outcome}
        move(state, record, Trigger.DROP, event.at, out, detail=detail)
        out.commands.append(cmd.CollectFailedAttempt(event.worker, *key, event.detail))


def on_collected(state: RunState, event: ev.Collected, out: Outbox) -> None:
    """Record an outcome that is home.  It counts even if its attempt has been orphaned meanwhile."""
    record = state.tasks.get(event.task_id)
    if record is None or record.state in ENDED or not record.collected < event.attempt <= record.attempts:
        return
    if record.state in WITH_A_WORKER:
        leave(state, record)
    if record.attempt != event.attempt:
        _replace_current(record, event.attempt, out)
    record.collected, record.content_hash = event.attempt, event.content_hash
    record.unrecorded_successes.clear()
    move(state, record, Trigger.COLLECT, event.at, out, content_hash=event.content_hash)
    if record.worker:
        out.commands.append(cmd.Release(record.worker, *record.key))
    checkpoints.drop(state, record, out)
    if record.task.makes:
        state.home[record.task.makes] = event.content_hash
        state.damaged.discard(event.content_hash)
        if worker := state.workers.get(record.worker or ""):
            worker.cached.add(event.content_hash)
            expect_model(state, worker, record.task.makes)
        after_phase1(state, record, event.at, out)


def _replace_current(record: TaskRecord, attempt: int, out: Outbox) -> None:
    """Make an orphaned attempt the current one."""
    if record.state in WITH_A_WORKER and record.worker:
        kind = cmd.Cancel if record.state in ON_A_WORKER else cmd.Release
        out.commands.append(kind(record.worker, *record.key))
    lost = record.orphaned.pop(attempt, None) or record.unrecorded_successes.get(attempt)
    record.attempt = attempt
    record.worker, record.base = (lost.worker, lost.base) if lost else (None, "")
    record.finished = (lost and lost.finished) or {}


def on_collection_failed(state: RunState, event: ev.CollectionFailed, out: Outbox) -> None:
    """Fail a task whose outcome cannot be brought home."""
    record = state.tasks.get(event.task_id)
    if record is None or record.state is not State.COLLECTING or record.attempt != event.attempt:
        return
    if record.worker:
        out.commands.append(cmd.Release(record.worker, *record.key))
    end_attempt(state, record, "failed", event.at, out, event.problem)


def end_attempt(
    state: RunState,
    record: TaskRecord,
    outcome: str,
    at: float,
    out: Outbox,
    note: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """The current attempt ended without success, or (lost without a detail) is orphaned."""
    leave(state, record)
    verdict = judge(record, outcome, state.policy)
    if outcome not in ("lost", "requeue", Outcome.OUT_OF_MEMORY) and record.worker:
        record.avoid |= {record.worker}
    if outcome == "lost" and detail is None:
        orphan(record)
    text = f"{verdict.note}: {note}" if note else verdict.note
    move(state, record, verdict.trigger, at, out, note=text, detail=detail)
    if verdict.trigger is Trigger.FAIL:
        after_phase1(state, record, at, out)
    else:
        _go_on(state, record, at, out, verdict.delay_s, awaits=checkpoints.is_left(detail))


def _go_on(
    state: RunState,
    record: TaskRecord,
    at: float,
    out: Outbox,
    delay_s: float = 0.0,
    *,
    awaits: bool = False,
) -> None:
    """Find the next attempt for a task that is ready: one that still runs somewhere, or a new one."""
    if reattached := reattached_attempts(state, record):
        adopt(state, record, reattached[0][1], at, out)
    elif awaits:
        checkpoints.hold(state, record, at, delay_s)
    elif delay_s:
        state.delay(record, at + delay_s)
    else:
        make_ready(state, record, at, out)


def orphan(record: TaskRecord) -> None:
    """Remember the current attempt for the case that it comes back."""
    if record.worker:
        finished = record.finished if record.state is State.COLLECTING else None
        record.orphaned[record.attempt] = FormerAttempt(record.worker, record.base, finished)


def meet_again(state: RunState, view: WorkerView, key: ev.Attempt, at: float, out: Outbox) -> None:
    """Decide on an attempt that a worker brings back though its task no longer waits for it."""
    task_id, attempt = key
    record = state.tasks.get(task_id)
    lost = record.orphaned.get(attempt) if record else None
    if record is None or lost is None or lost.worker != view.name:
        discard(state, view, key, out)
        return
    if record.state is State.RUNNING and lost.finished is None:
        view.reattached.add(key)
    else:
        adopt(state, record, attempt, at, out)
    if state.cancelling:
        out.commands.append(cmd.Cancel(view.name, *key))


def adopt(state: RunState, record: TaskRecord, attempt: int, at: float, out: Outbox) -> None:
    """Take an orphaned attempt back, in place of the current one."""
    lost = record.orphaned[attempt]
    leave(state, record)
    _replace_current(record, attempt, out)
    record.losses = max(0, record.losses - 1)
    move(state, record, Trigger.ADOPT, at, out, note="its worker came back")
    view = state.workers[lost.worker]
    view.reattached.discard(record.key)
    view.attempts.add(record.key)
    if lost.finished is not None:
        finish(state, record, lost.finished, at, out)


def discard(state: RunState, view: WorkerView, key: ev.Attempt, out: Outbox) -> None:
    """Let a worker drop an attempt, once more by way of its log if that was the last thing asked for."""
    record = state.tasks.get(key[0])
    failed = record is not None and record.finished and record.state is not State.SUCCEEDED
    if record and failed and (record.worker, record.key) == (view.name, key):
        out.commands.append(cmd.CollectFailedAttempt(view.name, *key, record.finished))
    else:
        out.commands += [cmd.Cancel(view.name, *key), cmd.Release(view.name, *key)]
