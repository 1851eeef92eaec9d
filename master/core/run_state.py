"""The heart of a run: `step` takes an event and changes the state, and says what to remember and to do.

No I/O, no clock, no randomness: the same events give the same state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from master.core import artefacts, attempts, workers
from master.core import commands as cmd
from master.core import events as ev
from master.core.lifecycle import ENDED, WITH_A_WORKER, State, Trigger
from master.core.placement import lookahead
from master.core.plan import Task
from master.core.records import Outbox, RunState, TaskRecord, WorkerView
from master.core.tasks import ON_A_WORKER, end_attempt, make_ready, move, touch, unlock

EXIT_ALL_SUCCEEDED, EXIT_SOME_FAILED, EXIT_NO_WORKER, EXIT_INTERRUPTED = 0, 1, 4, 130

_REVIVED = (State.FAILED, State.CANCELLED, State.BLOCKED)


def begin(state: RunState, at: float) -> Outbox:
    """Start a fresh or a recovered run: what failed gets new tries, what waits for nothing is ready."""
    out = Outbox()
    for record in list(state.tasks.values()):
        if record.state in _REVIVED:
            move(state, record, Trigger.REVIVE, at, out)
        if record.state is State.SUCCEEDED and record.task.makes:
            move(state, record, Trigger.REDO, at, out, note="it is no longer in the store")
        if record.state in WITH_A_WORKER and record.worker not in state.workers:
            end_attempt(state, record, "lost", at, out, f"{record.worker} is no longer in the cluster config")
    for record in state.tasks.values():
        if record.state is State.PENDING:
            unlock(state, record, at, out)
        elif record.state is State.READY:
            make_ready(state, record, at, out)
    _finish_if_done(state, at, out)
    return out


def step(state: RunState, event: ev.Event) -> Outbox:
    """Take one event in.  Events may be lost, repeated and reordered."""
    out = Outbox()
    if not state.finished:
        _HANDLERS[type(event)](state, event, out)
        for record in state.due(event.at):
            make_ready(state, record, event.at, out)
        _place(state, event.at, out)
        _finish_if_done(state, event.at, out)
    return out


def _on_stop(state: RunState, event: ev.StopRequested, out: Outbox) -> None:
    state.stopping = True
    for record in state.tasks.values():
        if record.state in (State.ASSIGNED, State.STAGING) and record.worker:
            out.commands.append(cmd.Recall(record.worker, *record.key))


def _on_cancel(state: RunState, event: ev.CancelRequested, out: Outbox) -> None:
    state.stopping = state.cancelling = True
    for record in state.tasks.values():
        if record.state in ON_A_WORKER and record.worker:
            out.commands.append(cmd.Cancel(record.worker, *record.key))


def _place(state: RunState, at: float, out: Outbox) -> None:
    """Give ready tasks to workers with room, the emptiest worker first."""
    if state.stopping or not len(state.ready):
        return
    mean_s = state.mean_duration_s()
    with_room = [view for view in state.workers.values() if view.room(lookahead(view.slots, mean_s)) > 0]
    while with_room:
        view = min(with_room, key=lambda view: (len(view.attempts) - view.slots, view.name))
        task = _choose(state, view)
        if task is None:
            with_room.remove(view)
            continue
        _assign(state, state.tasks[task.task_id], view, at, out)
        if view.room(lookahead(view.slots, mean_s)) <= 0:
            with_room.remove(view)


def _choose(state: RunState, view: WorkerView) -> Task | None:
    for task in state.ready.candidates(view.touched, state.expected_s):
        avoid = state.tasks[task.task_id].avoid
        if view.name not in avoid or not any(
            v.available and v.name not in avoid for v in state.workers.values()
        ):
            return task
    return None


def _assign(state: RunState, record: TaskRecord, view: WorkerView, at: float, out: Outbox) -> None:
    record.attempts += 1
    record.attempt, record.worker = record.attempts, view.name
    move(state, record, Trigger.ASSIGN, at, out)
    view.attempts.add(record.key)
    touch(state, view, record.task.needs)
    out.commands.append(cmd.Launch(view.name, *record.key))


def _finish_if_done(state: RunState, at: float, out: Outbox) -> None:
    exit_code = _exit_code(state, at)
    if exit_code is not None and not state.finished:
        state.finished = True
        out.commands.append(cmd.Finish(exit_code))


def _exit_code(state: RunState, at: float) -> int | None:
    """Return with what exit code the run is over, None while it is not."""
    if sum(state.counts[ended] for ended in ENDED) == len(state.tasks):
        if state.stopping and state.counts[State.CANCELLED]:
            return EXIT_INTERRUPTED
        return EXIT_ALL_SUCCEEDED if state.counts[State.SUCCEEDED] == len(state.tasks) else EXIT_SOME_FAILED
    if state.stopping and not _someone_works(state):
        return EXIT_INTERRUPTED
    if all(_is_hopeless(view, at, state.policy.give_up_s) for view in state.workers.values()):
        return EXIT_NO_WORKER
    return None


def _someone_works(state: RunState) -> bool:
    """True while an attempt that has not ended, or has not come home, is on a worker that answers."""
    if not sum(state.counts[held] for held in WITH_A_WORKER):
        return False
    return any(
        record.state in WITH_A_WORKER and record.worker in state.workers and state.workers[record.worker].up
        for record in state.tasks.values()
    )


def _is_hopeless(view: WorkerView, at: float, give_up_s: float) -> bool:
    """True for a worker that is not worth waiting for."""
    if view.up:
        return not view.usable and not view.attempts
    if not view.usable or (view.tried and not view.ever_up):
        return True
    return view.tried and at - view.since > give_up_s


_HANDLERS: dict[type[Any], Callable[[RunState, Any, Outbox], None]] = {
    ev.WorkerUp: workers.on_worker_up,
    ev.WorkerLost: workers.on_worker_lost,
    ev.WorkerUnusable: workers.on_worker_unusable,
    ev.ForeignSlots: workers.on_foreign,
    ev.AttemptStaging: attempts.on_staging,
    ev.AttemptStarted: attempts.on_started,
    ev.AttemptFinished: attempts.on_finished,
    ev.Collected: attempts.on_collected,
    ev.CollectFailed: attempts.on_collect_failed,
    ev.ArtefactWanted: artefacts.on_wanted,
    ev.Delivered: artefacts.on_delivered,
    ev.DeliveryFailed: artefacts.on_delivery_failed,
    ev.BaseModelDamaged: artefacts.on_damaged,
    ev.Tick: workers.on_tick,
    ev.StopRequested: _on_stop,
    ev.CancelRequested: _on_cancel,
}
