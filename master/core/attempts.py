"""What happens to attempts."""

from __future__ import annotations

from master.core import commands as cmd
from master.core import events as ev
from master.core.lifecycle import State, Trigger
from master.core.records import Outbox, RunState, TaskRecord
from master.core.tasks import ON_A_WORKER, after_phase1, current, end_attempt, leave, make_ready, move, touch


def on_staging(state: RunState, event: ev.AttemptStaging, out: Outbox) -> None:
    if record := current(state, event.worker, event.task_id, event.attempt):
        move(state, record, Trigger.STAGE, event.at, out)


def on_started(state: RunState, event: ev.AttemptStarted, out: Outbox) -> None:
    if record := current(state, event.worker, event.task_id, event.attempt):
        move(state, record, Trigger.START, event.at, out)


def on_finished(state: RunState, event: ev.AttemptFinished, out: Outbox) -> None:
    record = current(state, event.worker, event.task_id, event.attempt)
    if record is None:
        record = adopt(state, event.worker, (event.task_id, event.attempt), event.at, out)
    if record is None:
        out.commands.append(cmd.Release(event.worker, event.task_id, event.attempt))
        return
    if record.state is State.COLLECTING:
        return
    record.finished = event.detail
    if event.outcome == "succeeded":
        leave(state, record)
        state.learn_duration(record)
        move(state, record, Trigger.FINISH, event.at, out, detail=event.detail)
        out.commands.append(cmd.Collect(event.worker, *record.key, event.detail))
        return
    out.commands.append(cmd.Salvage(event.worker, *record.key, event.detail))
    if event.outcome != "cancelled":
        note = str(event.detail.get("error") or "")
        end_attempt(state, record, event.outcome, event.at, out, note, event.detail)
    elif state.cancelling:
        leave(state, record)
        move(state, record, Trigger.CANCEL, event.at, out, detail=event.detail)
    else:
        leave(state, record)
        move(state, record, Trigger.RECALL, event.at, out)
        make_ready(state, record, event.at, out)


def on_collected(state: RunState, event: ev.Collected, out: Outbox) -> None:
    record = state.tasks.get(event.task_id)
    if record is None or record.state is not State.COLLECTING or record.attempt != event.attempt:
        return
    assert record.worker is not None
    record.content_hash = event.content_hash
    move(state, record, Trigger.COLLECT, event.at, out, content_hash=event.content_hash)
    out.commands.append(cmd.Release(record.worker, *record.key))
    if record.task.makes:
        state.home[record.task.makes] = event.content_hash
        if worker := state.workers.get(record.worker):
            worker.cached.add(event.content_hash)
            touch(state, worker, record.task.makes)
        after_phase1(state, record, event.at, out)


def on_collect_failed(state: RunState, event: ev.CollectFailed, out: Outbox) -> None:
    record = state.tasks.get(event.task_id)
    if record is None or record.state is not State.COLLECTING or record.attempt != event.attempt:
        return
    if record.worker:
        out.commands.append(cmd.Release(record.worker, *record.key))
    end_attempt(state, record, "failed", event.at, out, event.problem)


def adopt(state: RunState, worker: str, key: ev.Attempt, at: float, out: Outbox) -> TaskRecord | None:
    """Take an attempt back that had been given up, unless its task has gone further without it."""
    task_id, attempt = key
    record = state.tasks.get(task_id)
    if record is None or record.given_up.get(attempt) != worker:
        return None
    if record.state not in ON_A_WORKER and record.state is not State.READY:
        return None
    if record.state in ON_A_WORKER and record.worker is not None:
        out.commands.append(cmd.Cancel(record.worker, *record.key))
        leave(state, record)
    del record.given_up[attempt]
    record.worker, record.attempt = worker, attempt
    move(state, record, Trigger.ADOPT, at, out, note="its worker came back")
    state.workers[worker].attempts.add(key)
    return record
