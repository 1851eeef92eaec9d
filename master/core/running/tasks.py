"""Moves of single tasks, shared by all handlers of events."""

from __future__ import annotations

from master.core.planning.plan import base_model_task_id
from master.core.running import commands as cmd
from master.core.running.commands import Transition
from master.core.running.lifecycle import ADOPTING, WITH_A_WORKER, State, Trigger
from master.core.running.records import Outbox, RunState, TaskRecord, WorkerView
from worker_agent.protocol.outcome import Finished

ON_A_WORKER = WITH_A_WORKER - {State.COLLECTING}
"""States in which the attempt has not ended."""
QUEUED = frozenset({State.ASSIGNED, State.STAGING})
"""States in which the attempt can be withdrawn."""


def move(
    state: RunState,
    record: TaskRecord,
    trigger: Trigger,
    out: Outbox,
    *,
    note: str = "",
    ended: Finished | cmd.Dropped | None = None,
) -> None:
    """Change a task's state, and remember it if it is another one now, or another attempt counts."""
    before, reattached = record.state, reattached_attempts(state, record)
    state.move(record, trigger)
    record.note = note or record.note
    if record.state not in ADOPTING:
        for worker, attempt in reattached:
            state.workers[worker].reattached.discard((record.task.task_id, attempt))
            out.commands.append(cmd.Cancel(worker, record.task.task_id, attempt))
    if record.state is before and trigger not in (Trigger.ADOPT, Trigger.DROP):
        return
    out.transitions.append(
        Transition(
            *(out.at, record.task.task_id, trigger, record.state, record.attempt, record.worker),
            note=note,
            finished=ended if isinstance(ended, Finished) else None,
            content_hash=record.content_hash if trigger is Trigger.COLLECT else "",
            dropped=ended if isinstance(ended, cmd.Dropped) else None,
        )
    )


def reattached_attempts(state: RunState, record: TaskRecord) -> list[tuple[str, int]]:
    """Return worker and number of the orphaned attempts that are on a connected worker again."""
    return [
        (lost.worker, attempt)
        for attempt, lost in record.orphaned.items()
        if lost.worker in state.workers
        and (record.task.task_id, attempt) in state.workers[lost.worker].reattached
    ]


def unlock(state: RunState, record: TaskRecord, out: Outbox) -> None:
    """Make a pending task ready if all that it waits for is home."""
    held_back = state.policy.strict_phases and record.task.phase == 2 and state.open_phase1
    if not held_back and not lacks_base(state, record):
        move(state, record, Trigger.UNLOCK, out)
        state.ready.add(record.task)


def make_ready(state: RunState, record: TaskRecord, out: Outbox) -> None:
    """Queue a task that is ready, or lock it again if its base model has gone meanwhile."""
    if not lacks_base(state, record):
        state.ready.add(record.task)
        return
    move(state, record, Trigger.LOCK, out)
    base = state.tasks.get(base_model_task_id(record.task.needs or ""))
    if base and base.state is State.FAILED:
        _block(state, record, out)


def _block(state: RunState, record: TaskRecord, out: Outbox) -> None:
    move(state, record, Trigger.BLOCK, out, note=f"its base model {record.task.needs} failed")


def lacks_base(state: RunState, record: TaskRecord) -> bool:
    """True while the base model that the task starts from is not home."""
    return record.task.needs is not None and record.task.needs not in state.home


def is_stale(state: RunState, record: TaskRecord) -> bool:
    """True for an attempt that was to start from a base model that is not the one at home."""
    return record.task.needs is not None and record.base != state.home.get(record.task.needs)


def current(state: RunState, worker: str, task_id: str, attempt: int) -> TaskRecord | None:
    """Return the task if this is its current attempt and it has not ended."""
    record = state.tasks.get(task_id)
    if record and (record.worker, record.attempt) == (worker, attempt) and record.state in WITH_A_WORKER:
        return record
    return None


def leave(state: RunState, record: TaskRecord) -> None:
    """The current attempt no longer takes a place on its worker."""
    if view := state.workers.get(record.worker or ""):
        view.attempts.discard(record.key)
        view.claims.pop(record.key, None)
        view.collecting.discard(record.key)
        state.maybe_free.add(view.name)


def finish(state: RunState, record: TaskRecord, finished: Finished, out: Outbox) -> None:
    """The current attempt succeeded on its worker: bring the outcome home."""
    assert record.worker is not None
    leave(state, record)
    state.workers[record.worker].collecting.add(record.key)
    record.finished = finished
    state.learn(record)
    state.alike.clear()
    move(state, record, Trigger.FINISH, out, ended=finished)
    record.note_success()
    out.commands.append(collecting(record))


def collecting(record: TaskRecord) -> cmd.Collect:
    """Return the command that brings the outcome of the current attempt home."""
    assert record.finished is not None
    others = {attempt: end for attempt, end in record.outcomes.items() if attempt != record.attempt}
    return cmd.Collect(record.worker or "", *record.key, record.finished, others)


def after_phase1(state: RunState, record: TaskRecord, out: Outbox) -> None:
    """A task ended: if it was to make a base model, its dependents go on, or are blocked."""
    if record.task.makes is None:
        return
    for task_id in state.dependents.get(record.task.makes, ()):
        dependent = state.tasks[task_id]
        if dependent.state is not State.PENDING:
            continue
        if record.state is State.FAILED:
            _block(state, dependent, out)
        else:
            unlock(state, dependent, out)
    if state.policy.strict_phases and not state.open_phase1:
        for other in state.tasks.values():
            if other.state is State.PENDING:
                unlock(state, other, out)


def give_up(state: RunState, record: TaskRecord, out: Outbox, note: str) -> None:
    """Fail a task that no worker has."""
    move(state, record, Trigger.FAIL, out, note=note)
    after_phase1(state, record, out)


def stop_starting(state: RunState, out: Outbox) -> None:
    """Give nothing more out, and take back what has not started."""
    state.stopping = True
    for view in state.workers.values():
        for key in sorted(view.attempts):
            if state.tasks[key[0]].state in QUEUED:
                out.commands.append(cmd.Withdraw(view.name, *key))


def expect_model(state: RunState, view: WorkerView, spec_hash: str | None) -> None:
    """Note that a worker has a base model, or will have it soon."""
    if spec_hash is not None and spec_hash not in view.expected_models:
        view.expected_models[spec_hash] = None
        state.ready.hold(spec_hash)
