"""Moves of single tasks, shared by all handlers of events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from master.core.commands import Transition
from master.core.lifecycle import WITH_A_WORKER, State, Trigger
from master.core.records import Outbox, RunState, TaskRecord, WorkerView
from master.core.retry import judge

ON_A_WORKER = WITH_A_WORKER - {State.COLLECTING}
"""States in which the attempt has not ended."""


def move(
    state: RunState,
    record: TaskRecord,
    trigger: Trigger,
    at: float,
    out: Outbox,
    *,
    note: str = "",
    detail: Mapping[str, Any] | None = None,
    content_hash: str = "",
) -> None:
    before = record.state
    state.move(record, trigger)
    record.note = note or record.note
    if record.state is before:
        return
    out.transitions.append(
        Transition(
            *(at, record.task.task_id, trigger, record.state, record.attempt, record.worker),
            note=note,
            detail=detail,
            content_hash=content_hash,
        )
    )


def unlock(state: RunState, record: TaskRecord, at: float, out: Outbox) -> None:
    """Make a pending task ready if all that it waits for is home."""
    held_back = state.policy.strict_phases and record.task.phase == 2 and state.open_phase1
    missing = record.task.needs is not None and record.task.needs not in state.home
    if not held_back and not missing:
        move(state, record, Trigger.UNLOCK, at, out)
        state.ready.add(record.task)


def make_ready(state: RunState, record: TaskRecord, at: float, out: Outbox) -> None:
    """Queue a task that is ready, or lock it again if its base model has gone meanwhile."""
    if record.task.needs is not None and record.task.needs not in state.home:
        move(state, record, Trigger.LOCK, at, out)
    else:
        state.ready.add(record.task)


def current(state: RunState, worker: str, task_id: str, attempt: int) -> TaskRecord | None:
    """Return the task if this is its current attempt and it has not ended."""
    record = state.tasks.get(task_id)
    if record and (record.worker, record.attempt) == (worker, attempt) and record.state in WITH_A_WORKER:
        return record
    return None


def leave(state: RunState, record: TaskRecord) -> None:
    """The current attempt no longer takes a place on its worker."""
    if record.worker in state.workers:
        state.workers[record.worker].attempts.discard(record.key)


def end_attempt(
    state: RunState,
    record: TaskRecord,
    outcome: str,
    at: float,
    out: Outbox,
    note: str = "",
    detail: Mapping[str, Any] | None = None,
) -> None:
    """The current attempt ended without success: try again or fail."""
    leave(state, record)
    verdict = judge(record, outcome, state.policy)
    if outcome not in ("lost", "requeue") and record.worker:
        record.avoid |= {record.worker}
    text = f"{verdict.note}: {note}" if note else verdict.note
    move(state, record, verdict.trigger, at, out, note=text, detail=detail)
    if verdict.trigger is Trigger.FAIL:
        after_phase1(state, record, at, out)
    elif verdict.delay_s:
        state.delay(record, at + verdict.delay_s)
    else:
        make_ready(state, record, at, out)


def after_phase1(state: RunState, record: TaskRecord, at: float, out: Outbox) -> None:
    """A task ended: if it was to make a base model, its dependents go on, or are blocked."""
    if record.task.makes is None:
        return
    for task_id in state.dependents.get(record.task.makes, ()):
        dependent = state.tasks[task_id]
        if dependent.state is not State.PENDING:
            continue
        if record.state is State.FAILED:
            move(state, dependent, Trigger.BLOCK, at, out, note=f"its base model {record.task.makes} failed")
        else:
            unlock(state, dependent, at, out)
    if state.policy.strict_phases and not state.open_phase1:
        for other in state.tasks.values():
            if other.state is State.PENDING:
                unlock(state, other, at, out)


def touch(state: RunState, view: WorkerView, spec_hash: str | None) -> None:
    if spec_hash is not None and spec_hash not in view.touched:
        view.touched.add(spec_hash)
        state.ready.hold(spec_hash)
