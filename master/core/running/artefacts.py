"""What happens to artefacts: directories that workers need, base models among them."""

from __future__ import annotations

from master.core.planning.plan import Job, base_model_job_id
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.jobs import (
    expect_model,
    is_stale,
    lacks_base,
    make_ready,
    may_be_queued,
    move,
)
from master.core.running.lifecycle import State, Trigger
from master.core.running.pauses import pause
from master.core.running.records import Outbox, RunState
from master.core.running.spread import one_disk, peers, warm_pool


def on_wanted(state: RunState, event: ev.ArtefactWanted, out: Outbox) -> None:
    """Bring what an agent misses."""
    want(state, state.workers[event.worker], event.content_hash, out)


def want(state: RunState, view: WorkerView, content_hash: str, out: Outbox) -> None:
    """Bring an artefact to a worker, unless it is on its way there."""
    if content_hash in state.damaged:
        _withdraw_users(state, view, out)
    elif view.up and content_hash not in view.delivering:
        view.delivering.add(content_hash)
        one_disk.bring(state, view, content_hash, out)


def on_fetch_failed(state: RunState, event: ev.FetchFailed, out: Outbox) -> None:
    """Send what a worker did not find on its disk or could not take from a peer, while it is to be had."""
    view, name = state.workers[event.worker], event.content_hash
    if name in state.damaged:
        view.delivering.discard(name)
        _withdraw_users(state, view, out)
    elif taker := state.peers.taking(name, view.name):
        peers.on_take_failed(state, taker, event, out, one_disk.send)
    elif event.transfer and name in view.delivering:
        return  # of a peer that it does not take from any more
    elif (view.name, name) in state.sent:  # it came, and is not there for all that
        on_delivery_failed(state, ev.DeliveryFailed(event.at, view.name, name, event.problem), out)
    elif name in view.delivering:
        one_disk.on_fetch_failed(state, view, event, out)
    else:
        want(state, view, name, out)


def on_tick(state: RunState, out: Outbox) -> None:
    """Send the base model of its next job to a worker that is about to run out of work."""
    for view, spec_hash in warm_pool.to_warm(state, out.at):
        expect_model(state, view, spec_hash)
        want(state, view, state.home[spec_hash], out)


def _withdraw_users(state: RunState, view: WorkerView, out: Outbox) -> None:
    """Take back what waits for a base model that is not to be had any more."""
    for key in sorted(view.attempts):
        if is_stale(state, state.jobs[key[0]]):
            out.commands.append(cmd.Withdraw(view.name, *key))


def on_delivered(state: RunState, event: ev.Delivered, out: Outbox) -> None:
    """Note what a worker has now; one that tells its disk says itself when it has checked it."""
    view = state.workers[event.worker]
    if view.disk:
        return
    view.delivering.discard(event.content_hash)
    view.cached.add(event.content_hash)
    warm_pool.on_arrival(state, view, event.content_hash, event.at)


def on_delivery_failed(state: RunState, event: ev.DeliveryFailed, out: Outbox) -> None:
    """Try again, and pause the worker after too many failures."""
    view = state.workers[event.worker]
    view.delivering.discard(event.content_hash)
    view.cached.discard(event.content_hash)
    if event.content_hash in state.damaged:
        _withdraw_users(state, view, out)
        return
    if not view.available:
        return
    view.failed_deliveries[event.content_hash] += 1
    if view.failed_deliveries[event.content_hash] < state.policy.max_deliveries:
        view.delivering.add(event.content_hash)
        one_disk.send(state, view, event.content_hash, out)
        return
    state.sent.pop((view.name, event.content_hash), None)
    del view.failed_deliveries[event.content_hash]
    pause(state, view, event.problem, out)


def on_damaged(state: RunState, event: ev.BaseModelDamaged, out: Outbox) -> None:
    """Train the base model again; what has not started to use it waits."""
    damaged = state.home.pop(event.spec_hash, None)
    if damaged is None:
        return
    state.damaged.add(damaged)
    for view in state.workers.values():
        # It is not brought any more; what is trained again may have the same bytes.
        view.delivering.discard(damaged)
    train_again(state, event.spec_hash, out, "the stored base model was damaged")
    for dependent_id in state.dependents.get(event.spec_hash, ()):
        dependent = state.jobs[dependent_id]
        if dependent.state is State.READY:
            move(state, dependent, Trigger.LOCK, out)
        elif may_be_queued(dependent) and dependent.worker:
            out.commands.append(cmd.Withdraw(dependent.worker, *dependent.key))


def train_again(state: RunState, spec_hash: str, out: Outbox, why: str) -> None:
    """Have a base model trained that is not home, and first what it starts from where that is gone too."""
    job_id = base_model_job_id(spec_hash)
    record = state.jobs.get(job_id)
    if record is None:
        unplanned = Job(job_id, phase=1, makes=spec_hash, kind="base model")
        record = state.add_job(state.plan.if_damaged.get(spec_hash, unplanned))
        move(state, record, Trigger.UNLOCK, out)
    elif record.state is State.SUCCEEDED:
        move(state, record, Trigger.REDO, out, note=why)
        if record.hopeless:
            state.barred.add(job_id)
    else:
        return
    if record.job.needs and lacks_base(state, record):
        train_again(state, record.job.needs, out, why)
    make_ready(state, record, out)
