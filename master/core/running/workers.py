"""What happens to workers."""

from __future__ import annotations

from collections.abc import Iterator

from master.core.running import artefacts, checkpoints, pauses
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.attempts import end_attempt, meet_again
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.jobs import (
    ON_A_WORKER,
    collecting,
    current,
    give_no_number_twice,
    is_stale,
    leave,
    make_ready,
    move,
)
from master.core.running.lifecycle import QUEUED, State, Trigger
from master.core.running.orders import cancelling, holding, membership
from master.core.running.placing.moving import move_on
from master.core.running.records import JobRecord, Outbox, RunState
from master.core.running.retry import give_up_hopeless
from master.core.running.seating import seating
from master.core.running.spread import one_disk, peers
from worker_agent.protocol.outcome import Finished, Outcome


def on_worker_up(state: RunState, event: ev.WorkerUp, out: Outbox) -> None:
    """Compare what we think that the worker does with what its agent says."""
    for job_id, attempt in event.attempts:
        if record := state.jobs.get(job_id):
            give_no_number_twice(record, attempt)
    view = state.workers[event.worker]
    view.up = view.ever_up = view.tried = True
    view.since, view.reason = event.at, "" if view.usable else view.reason
    view.slots, view.held_by_others = event.slots, event.held_by_others
    view.gpu_bytes, view.slots_per_gpu = event.gpu_bytes, event.slots_per_gpu
    view.left_alone = event.left_alone
    view.cores, view.memory_bytes = event.cores, event.memory_bytes
    seating.on_up(state, view, event.at)
    one_disk.on_worker_up(state, view, event)
    view.is_peer = event.is_peer
    peers.leave(state, view.name)
    view.cached = set(event.cached)
    view.delivering.clear()
    view.reattached.clear()
    state.free.add(view.name)
    one_disk.expect_models(state, view)
    for job_id, _ in sorted(view.attempts | view.collecting):
        _reconcile(state, state.jobs[job_id], event, out)
    checkpoints.on_worker_up(state, event)
    cancelling.on_worker_up(state, view, event, out)
    for key in sorted(event.attempts):
        if current(state, event.worker, *key) is None:
            meet_again(state, view, key, out, is_told=key in event.ended)
    view.ending = set(_ended_here(view, event))


def _ended_here(view: WorkerView, event: ev.WorkerUp) -> Iterator[ev.Attempt]:
    """Yield the attempts on a worker which its jobs do not wait for and whose end is still to be told."""
    return (key for key in event.attempts - event.ended if key not in view.attempts | view.collecting)


def _reconcile(state: RunState, record: JobRecord, event: ev.WorkerUp, out: Outbox) -> None:
    if record.key in event.ended and record.state in ON_A_WORKER:
        told = Finished(Outcome.LOST, error=f"{event.worker} told its end to a master whose journal is gone")
        end_attempt(state, record, Outcome.LOST, out, told.error or "", told)
    elif record.key in event.attempts:
        _say_again(state, record, event.worker, out)
    elif record.state is not State.ASSIGNED:
        loss, note = state.workers[event.worker].loss, f"{event.worker} does not know of it any more"
        end_attempt(state, record, loss, out, note)
    elif _is_unwanted(state, record, event.worker):
        leave(state, record)
        move(state, record, Trigger.WITHDRAW, out)
        make_ready(state, record, out)
    else:
        out.commands.append(cmd.StartAttempt(event.worker, *record.key))


def _say_again(state: RunState, record: JobRecord, worker: str, out: Outbox) -> None:
    """Repeat what a broken link may have swallowed."""
    if record.state is State.COLLECTING:
        out.commands.append(collecting(record))
    elif state.cancelling or state.workers[worker].ends_jobs or record.pruned_at:
        out.commands.append(cmd.Cancel(worker, *record.key))
    elif record.state in QUEUED and _is_unwanted(state, record, worker):
        out.commands.append(cmd.Withdraw(worker, *record.key))


def _is_unwanted(state: RunState, record: JobRecord, worker: str) -> bool:
    view = state.workers[worker]
    unwanted = state.stopping or view.paused or view.hold is not None or not view.usable
    return unwanted or is_stale(state, record)


def on_worker_lost(state: RunState, event: ev.WorkerLost, out: Outbox) -> None:
    """Note since when a worker is silent; its attempts stay its own until the lease ends."""
    view = state.workers[event.worker]
    if view.up or not view.tried:
        view.since = event.at
    view.up, view.tried = False, False
    view.reason = view.reason if view.is_past else event.reason
    view.tried = view.is_silent
    view.delivering.clear()
    view.reattached.clear()
    peers.leave(state, view.name)


def on_worker_unusable(state: RunState, event: ev.WorkerUnusable, out: Outbox) -> None:
    """Give a worker nothing more."""
    on_worker_lost(state, ev.WorkerLost(event.at, event.worker, event.reason), out)
    view = state.workers[event.worker]
    view.usable, view.reason = False, event.reason


def on_held_by_others(state: RunState, event: ev.SlotsHeldByOthers, out: Outbox) -> None:
    """Note how many slots other runs and users hold, and which GPUs are left alone."""
    view = state.workers[event.worker]
    view.held_by_others, view.left_alone = event.held_by_others, event.left_alone
    state.free.add(event.worker)


def on_tick(state: RunState, event: ev.Tick, out: Outbox) -> None:
    """Give up the attempts of workers that have been silent for longer than the lease."""
    for view in state.workers.values():
        if view.up or not view.tried or event.at - view.since <= state.policy.lease_s:
            continue
        checkpoints.on_silent(state, view, event.at)
        for job_id, _ in sorted(view.attempts | view.collecting):
            note = f"{view.name} has been silent for too long"
            end_attempt(state, state.jobs[job_id], view.loss, out, note)
        view.tried = view.is_silent
    seating.on_tick(state, event.at, out)
    one_disk.on_tick(state, out)
    peers.on_tick(state, out, one_disk.send)
    artefacts.on_tick(state, out)
    pauses.on_tick(state, event.at, out)
    holding.on_tick(state, event.at, out)
    membership.on_tick(state, event.at, out)
    move_on(state, out)
    give_up_hopeless(state, out)
