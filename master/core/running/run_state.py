"""The heart of a run: `step` takes an event and changes the state, and says what to remember and to do.

No I/O, no clock, no randomness: the same events give the same state.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from master.core.planning.plan import Job
from master.core.planning.resources import NO_RESOURCES
from master.core.running import artefacts, attempts, checkpoints, workers
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.attempts import end_attempt
from master.core.running.jobs import expect_model, give_up, make_ready, move, stop_starting, unlock
from master.core.running.lifecycle import WITH_A_WORKER, State, Trigger
from master.core.running.placement import lookahead
from master.core.running.records import JobRecord, Outbox, RunState, WorkerView
from master.core.running.worker_room import (
    cost,
    has_larger,
    has_machine_room,
    largest_gpu,
    need_of,
    suits,
    too_large,
    why_homeless,
)
from worker_agent.protocol.outcome import Outcome

_LEAST = 1e-6
"""Room that is smaller is none."""

EXIT_ALL_SUCCEEDED, EXIT_SOME_FAILED, EXIT_NO_WORKER, EXIT_INTERRUPTED = 0, 1, 4, 130

_OF_MACHINES = (ev.WorkerUp, ev.WorkerLost, ev.WorkerUnusable, ev.Tick)
"""What may leave a job without a machine: with many workers, that is not asked after every event."""

_REVIVED = (State.FAILED, State.CANCELLED, State.BLOCKED)


def begin(state: RunState, at: float) -> Outbox:
    """Start a fresh or a recovered run: what failed gets new tries, what waits for nothing is ready."""
    out = Outbox(at)
    for record in list(state.jobs.values()):
        if record.state in _REVIVED:
            move(state, record, Trigger.REVIVE, out)
        if record.state is State.SUCCEEDED and _is_missed(state, record):
            move(state, record, Trigger.REDO, out, note="it is no longer in the store")
        if record.state in WITH_A_WORKER and record.worker not in state.workers:
            gone = f"{record.worker} is no longer in the cluster config"
            end_attempt(state, record, Outcome.LOST, out, gone)
    for record in state.jobs.values():
        if record.state is State.PENDING:
            unlock(state, record, out)
        elif record.state is State.READY and _awaits_checkpoint(state, record):
            checkpoints.hold(state, record, at)
        elif record.state is State.READY:
            make_ready(state, record, out)
    _finish_if_done(state, out)
    return out


def _awaits_checkpoint(state: RunState, record: JobRecord) -> bool:
    return checkpoints.is_left(record.finished) and record.worker in state.workers


def _is_missed(state: RunState, record: JobRecord) -> bool:
    """True for a base model that is not home though a job has still to start from it."""
    makes = record.job.makes
    if makes is None or makes in state.home:
        return False
    return any(state.jobs[name].state is not State.SUCCEEDED for name in state.dependents.get(makes, ()))


def step(state: RunState, event: ev.Event) -> Outbox:
    """Take one event in.  Events may be lost, repeated and reordered."""
    out = Outbox(event.at)
    if not state.finished:
        _HANDLERS[type(event)](state, event, out)
        for record in state.due(event.at):
            make_ready(state, record, out)
        _refuse_too_large(state, out)
        if isinstance(event, _OF_MACHINES):
            _refuse_homeless(state, out)
        _place(state, out)
        _finish_if_done(state, out)
    return out


def _on_stop(state: RunState, event: ev.StopRequested, out: Outbox) -> None:
    stop_starting(state, out)


def _on_cancel(state: RunState, event: ev.CancelRequested, out: Outbox) -> None:
    state.stopping = state.cancelling = True
    for view in state.workers.values():
        for key in sorted(view.attempts | view.reattached):
            out.commands.append(cmd.Cancel(view.name, *key))


def _place(state: RunState, out: Outbox) -> None:
    """Give ready jobs to workers with room, the emptiest worker first."""
    if state.stopping or not len(state.ready):
        return
    mean_s = state.mean_duration_s()
    state.maybe_free = {name for name in state.maybe_free if _has_room(state.workers[name], mean_s)}
    with_room = [state.workers[name] for name in state.maybe_free]
    while with_room and len(state.ready) and _may_start_more(state):
        view = min(with_room, key=lambda view: (view.used - view.slots, view.name))
        job = _choose(state, view, mean_s)
        if job is not None:
            _assign(state, state.jobs[job.job_id], view, out)
        if job is None or not _has_room(view, mean_s):
            with_room.remove(view)


def _may_start_more(state: RunState) -> bool:
    most = state.policy.max_running
    return most is None or sum(len(view.attempts | view.reattached) for view in state.workers.values()) < most


def _has_room(view: WorkerView, mean_s: float | None, claim: float = _LEAST) -> bool:
    return view.room(lookahead(view.slots, mean_s)) >= claim - _LEAST / 2


def _choose(state: RunState, view: WorkerView, mean_s: float | None) -> Job | None:
    """Return the best job for a worker; None where there is none, or it has to wait for more room there."""
    for job in state.ready.candidates(view.expected_models, state.expected_s, partial(_fits, state, view)):
        record = state.jobs[job.job_id]
        if view.name in record.hopeless:
            continue
        if view.name in record.avoid and _has_alternative(state, record):
            continue
        if record.alone and has_larger(state, view, job.resources):
            continue
        claim = cost(view, need_of(state, record, view), record.alone)
        has_room = _has_room(view, mean_s, claim or 1.0) and has_machine_room(state, job.resources, view)
        return job if has_room else None
    return None


def _fits(state: RunState, view: WorkerView, job: Job) -> bool:
    fits_gpus = cost(view, need_of(state, state.jobs[job.job_id], view), alone=False) is not None
    return fits_gpus and suits(job.resources, view)


def _refuse_too_large(state: RunState, out: Outbox) -> None:
    """Fail the jobs that say that they need more GPU memory than any GPU has."""
    most = max(state.ready.gpu_bytes, default=0)
    largest = largest_gpu(state.workers.values(), out.at, state.policy.lease_s) if most else None
    if largest is None or most <= largest[0]:
        return
    size, worker = largest
    for job in state.ready.larger_than(size):
        give_up(state, state.jobs[job.job_id], out, too_large(job.gpu_bytes or 0, size, worker))


def _refuse_homeless(state: RunState, out: Outbox) -> None:
    """Fail the jobs that need what no machine has, or none that is left."""
    for needs in [needs for needs in state.ready.resources if needs is not NO_RESOURCES]:
        why = why_homeless(needs, state.workers.values(), out.at, state.policy.give_up_s)
        for job in state.ready.with_resources(needs) if why else ():
            give_up(state, state.jobs[job.job_id], out, why)


def _has_alternative(state: RunState, record: JobRecord) -> bool:
    """True if a worker that is not to be avoided will have room for the job sooner or later."""
    return any(
        view.available
        and view.slots > view.held_by_others
        and view.name not in record.avoid
        and suits(record.job.resources, view)
        for view in state.workers.values()
    )


def _assign(state: RunState, record: JobRecord, view: WorkerView, out: Outbox) -> None:
    record.attempts += 1
    record.attempt, record.worker, record.finished = record.attempts, view.name, None
    record.base = state.home[record.job.needs] if record.job.needs else ""
    record.gpu_need = need_of(state, record, view)
    claim = cost(view, record.gpu_need, record.alone)
    move(state, record, Trigger.ASSIGN, out)
    view.attempts.add(record.key)
    if claim is not None and claim != 1.0:
        view.claims[record.key] = claim
    expect_model(state, view, record.job.needs)
    out.commands.append(cmd.StartAttempt(view.name, *record.key))


def _finish_if_done(state: RunState, out: Outbox) -> None:
    exit_code = _exit_code(state, out.at)
    if exit_code is not None and not state.finished:
        state.finished = True
        out.commands.append(cmd.Finish(exit_code))


def _exit_code(state: RunState, at: float) -> int | None:
    """Return with what exit code the run is over, None while it is not."""
    if not state.open_jobs:
        if state.stopping and state.counts[State.CANCELLED]:
            return EXIT_INTERRUPTED
        return EXIT_ALL_SUCCEEDED if state.counts[State.SUCCEEDED] == len(state.jobs) else EXIT_SOME_FAILED
    if state.stopping and not _someone_works(state):
        return EXIT_SOME_FAILED if state.halted and not state.cancelling else EXIT_INTERRUPTED
    if all(_is_hopeless(view, at, state.policy.give_up_s) for view in state.workers.values()):
        return EXIT_NO_WORKER
    return None


def _someone_works(state: RunState) -> bool:
    """True while an attempt that has not ended, or has not come home, is on a worker that answers."""
    return any(view.up and view.busy for view in state.workers.values())


def _is_hopeless(view: WorkerView, at: float, give_up_s: float) -> bool:
    """True for a worker that is not worth waiting for."""
    if view.up:
        return not view.usable and not view.busy
    if not view.usable or (view.tried and not view.ever_up and not view.busy):
        return True
    return view.tried and at - view.since > give_up_s


_HANDLERS: dict[type[Any], Callable[[RunState, Any, Outbox], None]] = {
    ev.WorkerUp: workers.on_worker_up,
    ev.WorkerLost: workers.on_worker_lost,
    ev.WorkerUnusable: workers.on_worker_unusable,
    ev.SlotsHeldByOthers: workers.on_held_by_others,
    ev.AttemptStaging: attempts.on_staging,
    ev.AttemptStarted: attempts.on_started,
    ev.AttemptFinished: attempts.on_finished,
    ev.Collected: attempts.on_collected,
    ev.CollectionFailed: attempts.on_collection_failed,
    ev.CheckpointSettled: checkpoints.on_settled,
    ev.CheckpointDamaged: checkpoints.on_damaged,
    ev.ArtefactWanted: artefacts.on_wanted,
    ev.Delivered: artefacts.on_delivered,
    ev.DeliveryFailed: artefacts.on_delivery_failed,
    ev.BaseModelDamaged: artefacts.on_damaged,
    ev.Tick: workers.on_tick,
    ev.StopRequested: _on_stop,
    ev.CancelRequested: _on_cancel,
}
