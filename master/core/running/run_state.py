"""The heart of a run: `step` takes an event and changes the state, and says what to remember and to do.

No I/O, no clock, no randomness: the same events give the same state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from master.core.exit_codes import EXIT_ALL_SUCCEEDED, EXIT_INTERRUPTED, EXIT_NO_WORKER, EXIT_SOME_FAILED
from master.core.planning.plan import base_model_job_id
from master.core.running import artefacts, attempts, checkpoints, workers
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.attempts import end_attempt
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.jobs import after_phase1, go_on_unlocking, make_ready, move, stop_starting, unlock
from master.core.running.lifecycle import WITH_A_WORKER, State, Trigger
from master.core.running.orders.cancelling import awaited, tell_awaited
from master.core.running.orders.holding import forget_what_is_over
from master.core.running.orders.order import Ordered
from master.core.running.orders.table import on_ordered
from master.core.running.placing.assigning import place, refuse_homeless, refuse_too_large
from master.core.running.placing.waiting import tell_waiting
from master.core.running.pruning.recovering import stays_pruned
from master.core.running.pruning.spoke import AttemptSpoke
from master.core.running.pruning.stopping import on_spoke, promote, tell_end
from master.core.running.records import JobRecord, Outbox, RunState
from master.core.running.seating import seating
from master.core.running.spread import one_disk, peers
from master.core.running.spread import peer_events as peer
from worker_agent.protocol.outcome import Outcome

_OF_MACHINES = (
    *(ev.WorkerUp, ev.WorkerLost, ev.WorkerUnusable, ev.SlotsHeldByOthers, ev.Tick),
    *(ev.SeatRunning, ev.SeatEnded),
)
"""What may leave a job without a machine, or with one: that is not asked after every event."""

_REVIVED = (State.FAILED, State.CANCELLED, State.PRUNED, State.BLOCKED)
_IN_VAIN = (State.FAILED, State.BLOCKED)


def begin(state: RunState, at: float) -> Outbox:
    """Start a fresh or a recovered run: what failed gets new tries, what waits for nothing is ready."""
    out = Outbox(at)
    forget_what_is_over(state, at)
    for pool in state.pools.values():
        pool.unseen_since = at
    for record in list(state.jobs.values()):
        if record.state in _REVIVED and not _stays(state, record):
            move(state, record, Trigger.REVIVE, out)
        if record.state in WITH_A_WORKER and record.worker not in state.workers:
            gone = f"{record.worker} is no longer in the cluster config"
            end_attempt(state, record, Outcome.LOST, out, gone)
        _leave_unlabelled(state, record, out)
    _redo_what_is_missed(state, out)
    for record in list(state.jobs.values()):
        if record.cancelled_by or record.state in _IN_VAIN:
            after_phase1(state, record, out)
        elif record.state is State.PENDING:
            unlock(state, record, out)
        elif record.state is State.READY and _awaits_checkpoint(state, record):
            checkpoints.hold(state, record, at)
        elif record.state is State.READY:
            make_ready(state, record, out)
    promote(state, out)
    state.left_at = at
    tell_awaited(state, out)
    _finish_if_done(state, out)
    return out


def _stays(state: RunState, record: JobRecord) -> bool:
    """True for what a user has cancelled, what failed under a master that stands, and what these block.

    Also for what is pruned, while jobs are: without it goes on to its end.
    """
    if record.state is State.PRUNED:
        return stays_pruned(state, record)
    if record.state is not State.BLOCKED:
        return bool(record.cancelled_by) or (state.policy.stands and record.state is State.FAILED)
    base = state.jobs.get(base_model_job_id(record.job.needs or ""))
    return base is not None and _stays(state, base)


def _leave_unlabelled(state: RunState, record: JobRecord, out: Outbox) -> None:
    """Take a base model from workers that may not train it, as the cluster config now says, for good."""
    if not record.job.makes:
        return
    needed = record.job.resources.labels
    barred = {name for name, view in state.workers.items() if not needed <= view.labels}
    if record.state in WITH_A_WORKER and record.worker in barred:
        end_attempt(state, record, Outcome.LOST, out, f"{record.worker} lacks a label that is needed now")
    record.orphaned = {
        attempt: former for attempt, former in record.orphaned.items() if former.worker not in barred
    }


def _awaits_checkpoint(state: RunState, record: JobRecord) -> bool:
    return checkpoints.is_left(record.finished) and record.worker in state.workers


def _redo_what_is_missed(state: RunState, out: Outbox) -> None:
    """Train base models again that are not in the store any more, children before what they start from."""
    for record in reversed(state.jobs.values()):
        if record.state is State.SUCCEEDED and _is_missed(state, record):
            move(state, record, Trigger.REDO, out, note="it is no longer in the store")


def _is_missed(state: RunState, record: JobRecord) -> bool:
    """True for a base model that is not home though a job has still to start from it."""
    makes = record.job.makes
    if makes is None or makes in state.home:
        return False
    return any(state.jobs[name].state is not State.SUCCEEDED for name in state.dependents.get(makes, ()))


def step(state: RunState, event: ev.Event) -> Outbox:
    """Take one event in.  Events may be lost, repeated and reordered."""
    out = Outbox(event.at)
    if not state.finished and not (state.any_gone and _is_of_a_stranger(state, event)):
        _HANDLERS[type(event)](state, event, out)
        for record in state.due(event.at):
            make_ready(state, record, out)
        promote(state, out)
        go_on_unlocking(state, out)
        refuse_too_large(state, out)
        if isinstance(event, _OF_MACHINES):
            refuse_homeless(state, out)
            tell_waiting(state, out)
            state.free.wake()
        place(state, out)
        _finish_if_done(state, out)
    return out


def _is_of_a_stranger(state: RunState, event: ev.Event) -> bool:
    """True for what a worker says that has left the run."""
    worker = getattr(event, "worker", None)
    return worker is not None and worker not in state.workers


def has_more_to_do(state: RunState) -> bool:
    """True where a step has left something undone, so as not to take too long: `GoOn` goes on with it."""
    return not state.finished and (bool(state.unlocking) or state.more_to_place)


def _on_go_on(state: RunState, event: ev.GoOn, out: Outbox) -> None:
    """What every step does."""


def _on_stop(state: RunState, event: ev.StopRequested, out: Outbox) -> None:
    stop_starting(state, out)


def _on_cancel(state: RunState, event: ev.CancelRequested, out: Outbox) -> None:
    state.stopping = state.cancelling = True
    for view in state.workers.values():
        for key in sorted(view.attempts | view.reattached):
            out.commands.append(cmd.Cancel(view.name, *key))


def _finish_if_done(state: RunState, out: Outbox) -> None:
    exit_code = _exit_code(state, out.at)
    if exit_code is not None and not state.finished and not _waits_for_an_end(state, out.at):
        state.finished = True
        tell_end(state, out)
        out.commands.append(cmd.Finish(exit_code))


def _waits_for_an_end(state: RunState, at: float) -> bool:
    """True while what runs on a worker that leaves is still to be ended, or nobody has looked yet.

    Also while the end of an attempt at a job that a user cancelled is to be told.
    """
    leaving = (view for view in state.workers.values() if view.leaves) if not state.stopping else ()
    if any(not view.tried or (view.up and bool(view.busy or view.ending)) for view in leaving):
        return True
    views = (view for view in state.workers.values() if view.up or not state.stopping)
    return any(awaited(view, at, state.policy.lease_s) for view in views)


def _exit_code(state: RunState, at: float) -> int | None:
    """Return with what exit code the run is over, None while it is not."""
    if state.policy.stands and not state.stopping:
        return None
    if not state.open_jobs:
        if state.stopping and _any_interrupted(state):
            return EXIT_INTERRUPTED
        well = state.counts[State.SUCCEEDED] + state.counts[State.PRUNED]
        return EXIT_ALL_SUCCEEDED if well == len(state.jobs) else EXIT_SOME_FAILED
    if state.stopping and not _someone_works(state):
        return EXIT_SOME_FAILED if state.halted and not state.cancelling else EXIT_INTERRUPTED
    if not state.workers and state.removed and at - state.left_at < state.policy.give_up_s:
        return None
    if all(_is_hopeless(state, view, at) for view in state.workers.values()):
        return EXIT_NO_WORKER
    return None


def _any_interrupted(state: RunState) -> bool:
    """True where the end of the run ended a job, not the user's order about that job."""
    cancelled = (record for record in state.jobs.values() if record.state is State.CANCELLED)
    return any(not record.cancelled_by for record in cancelled)


def _someone_works(state: RunState) -> bool:
    """True while an attempt that has not ended, or has not come home, is on a worker that answers."""
    return any(view.up and view.busy for view in state.workers.values())


def _is_hopeless(state: RunState, view: WorkerView, at: float) -> bool:
    """True for a worker that is not worth waiting for (any longer)."""
    policy = state.policy
    if view.up and view.busy:
        return False
    if view.leaves or (view.hold and view.usable):
        return False
    if not view.usable:
        return True
    if view.seat and not view.up:
        return seating.is_hopeless(state.pools[view.seat.pool], view.seat, at, policy)
    if view.up:
        return bool(view.faults) and at - max(view.bad_since, view.resumed_at) >= policy.give_up_s
    patience_s = policy.give_up_s if view.ever_up or view.busy else policy.never_up_s
    return view.tried and at - max(view.since, view.resumed_at) >= patience_s


_HANDLERS: dict[type[Any], Callable[[RunState, Any, Outbox], None]] = {
    ev.WorkerUp: workers.on_worker_up,
    ev.WorkerLost: workers.on_worker_lost,
    ev.WorkerUnusable: workers.on_worker_unusable,
    ev.SlotsHeldByOthers: workers.on_held_by_others,
    ev.PoolSeen: seating.on_seen,
    ev.PoolUnseen: seating.on_unseen,
    ev.SeatPending: seating.on_pending,
    ev.SeatRunning: seating.on_running,
    ev.SeatEnded: seating.on_ended,
    ev.SeatRefused: seating.on_refused,
    ev.AttemptStaging: attempts.on_staging,
    ev.AttemptStarted: attempts.on_started,
    AttemptSpoke: on_spoke,
    ev.AttemptFinished: attempts.on_finished,
    ev.AttemptReleased: attempts.on_released,
    ev.Collected: attempts.on_collected,
    ev.CollectionFailed: attempts.on_collection_failed,
    ev.CheckpointSettled: checkpoints.on_settled,
    ev.CheckpointDamaged: checkpoints.on_damaged,
    ev.ArtefactWanted: artefacts.on_wanted,
    ev.Delivered: artefacts.on_delivered,
    ev.DeliveryFailed: artefacts.on_delivery_failed,
    ev.Fetched: one_disk.on_fetched,
    ev.FetchFailed: artefacts.on_fetch_failed,
    peer.Asked: peers.on_asked,
    peer.Unfit: peers.on_unfit,
    peer.Serving: peers.on_serving,
    peer.ServeFailed: peers.on_serve_failed,
    peer.Received: peers.on_received,
    ev.BaseModelDamaged: artefacts.on_damaged,
    ev.Tick: workers.on_tick,
    ev.GoOn: _on_go_on,
    ev.StopRequested: _on_stop,
    ev.CancelRequested: _on_cancel,
    Ordered: on_ordered,
}
