"""What happens to workers."""

from __future__ import annotations

from master.core import commands as cmd
from master.core import events as ev
from master.core.attempts import adopt
from master.core.lifecycle import WITH_A_WORKER, State, Trigger
from master.core.records import Outbox, RunState, TaskRecord
from master.core.tasks import current, end_attempt, leave, make_ready, move, touch


def on_worker_up(state: RunState, event: ev.WorkerUp, out: Outbox) -> None:
    view = state.workers[event.worker]
    view.up = view.ever_up = view.tried = True
    view.since, view.reason = event.at, ""
    view.slots, view.foreign = event.slots, event.foreign
    view.cached = set(event.cached)
    view.delivering.clear()
    for spec_hash, content_hash in state.home.items():
        if content_hash in view.cached:
            touch(state, view, spec_hash)
    mine = [r for r in state.tasks.values() if r.worker == event.worker and r.state in WITH_A_WORKER]
    for record in mine:
        _reconcile(state, record, event, out)
    for key in sorted(event.attempts):
        if current(state, event.worker, *key) is None and not adopt(state, event.worker, key, event.at, out):
            out.commands.append(cmd.Cancel(event.worker, *key))
            out.commands.append(cmd.Release(event.worker, *key))


def _reconcile(state: RunState, record: TaskRecord, event: ev.WorkerUp, out: Outbox) -> None:
    """Compare what we think that the worker does with what its agent says."""
    if record.key in event.attempts:
        if record.state is State.COLLECTING:
            out.commands.append(cmd.Collect(event.worker, *record.key, record.finished))
        elif state.cancelling:
            out.commands.append(cmd.Cancel(event.worker, *record.key))
    elif record.state is State.ASSIGNED and not state.stopping:
        out.commands.append(cmd.Launch(event.worker, *record.key))
    elif record.state is State.ASSIGNED:
        leave(state, record)
        move(state, record, Trigger.RECALL, event.at, out)
        make_ready(state, record, event.at, out)
    else:
        end_attempt(state, record, "lost", event.at, out, f"{event.worker} does not know of it any more")


def on_worker_lost(state: RunState, event: ev.WorkerLost, out: Outbox) -> None:
    view = state.workers[event.worker]
    if view.up or not view.tried:
        view.since = event.at
    view.up, view.tried, view.reason = False, True, event.reason
    view.delivering.clear()


def on_worker_unusable(state: RunState, event: ev.WorkerUnusable, out: Outbox) -> None:
    on_worker_lost(state, ev.WorkerLost(event.at, event.worker, event.reason), out)
    state.workers[event.worker].usable = False


def on_foreign(state: RunState, event: ev.ForeignSlots, out: Outbox) -> None:
    state.workers[event.worker].foreign = event.foreign


def on_tick(state: RunState, event: ev.Tick, out: Outbox) -> None:
    """Give up the attempts of workers that have been silent for longer than the lease."""
    silent = {
        view.name
        for view in state.workers.values()
        if not view.up and view.tried and event.at - view.since > state.policy.lease_s
    }
    if not silent:
        return
    for record in state.tasks.values():
        if record.worker in silent and record.state in WITH_A_WORKER:
            record.given_up[record.attempt] = record.worker
            end_attempt(state, record, "lost", event.at, out, f"{record.worker} has been silent for too long")
