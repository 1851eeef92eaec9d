"""What happens to the allocations of seats, and what is asked of the engine that lends them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.attempts import end_attempt
from master.core.running.checkpoints import awaited_workers
from master.core.running.fleet.seats import Pool, Seat, SeatState
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.lifecycle import State
from master.core.running.policy import Policy
from master.core.running.records import Outbox, RunState
from master.core.running.seating.drained import use_again
from master.core.running.seating.lasting import is_fresh
from master.core.running.seating.wanted import held_by, more_seats, ready_for
from worker_agent.protocol.outcome import Outcome

FIRST_PAUSE_S, MOST_PAUSE_S = 60.0, 1800.0
"""After a refusal, or an allocation that brought nothing; it doubles."""
START_S = 600.0
"""So long the agent of an allocation that runs may take to answer."""
SPENT_S = 15.0
"""A seat that nothing fits into any more, while there is work for a fresh one, is given back after that; and
one for which nothing will be left, as all jobs have been given out."""
AGAIN_S = 90.0
"""An allocation that is still there so long after it was to end is told to end again."""
MOST_IN_VAIN = 5
"""After so many allocations in a row that brought nothing a pool is not worth waiting for."""


# ---- events


def on_seen(state: RunState, event: ev.PoolSeen, out: Outbox) -> None:
    """The engine has told what there is: what is not among it is over, however long a master was away."""
    pool = state.pools.get(event.pool)
    if pool is None:
        return
    if not pool.seen:
        for view in _seats_of(state, pool):
            if view.seat and view.seat.state is SeatState.NONE:
                _evict(state, view, "its allocation is over", out)
    pool.seen, pool.unseen_since, pool.unseen_why = True, None, ""


def on_unseen(state: RunState, event: ev.PoolUnseen, out: Outbox) -> None:
    """Note since when nothing is known: what runs goes on, and nothing new is asked for."""
    if (pool := state.pools.get(event.pool)) is None:
        return
    if event.reason != pool.unseen_why:
        out.commands.append(cmd.Tell(f"{pool.name}: cannot be looked at: {event.reason}"))
    pool.unseen_why = event.reason
    if pool.unseen_since is None:
        pool.unseen_since = event.at


def on_pending(state: RunState, event: ev.SeatPending, out: Outbox) -> None:
    """An allocation waits in the queue."""
    view, seat, pool = _known(state, event.worker)
    if seat.state is SeatState.ENDING:
        _end_again(view, seat, event, out)
        return
    if seat.state is SeatState.RUNS:
        on_ended(state, ev.SeatEnded(event.at, event.worker, "it waits in the queue again"), out)
    seat.turn(SeatState.QUEUED, event.at)
    seat.allocation, seat.reason, seat.expected_at = event.allocation, event.reason, event.expected_at
    _accepted(pool)


def on_running(state: RunState, event: ev.SeatRunning, out: Outbox) -> None:
    """An allocation runs: its agent is to be connected to."""
    view, seat, pool = _known(state, event.worker)
    if seat.state is SeatState.ENDING:
        _end_again(view, seat, event, out)
        return
    if seat.state is SeatState.RUNS and seat.allocation not in ("", event.allocation):
        on_ended(state, ev.SeatEnded(event.at, event.worker, "another allocation has taken its place"), out)
    if seat.state is not SeatState.RUNS:
        seat.turn(SeatState.RUNS, event.at)
        out.commands.append(cmd.Reach(view.name))
    seat.allocation, seat.reason, seat.expected_at = event.allocation, "", None
    seat.ends_at, seat.node = event.ends_at, event.node
    _accepted(pool)


def on_ended(state: RunState, event: ev.SeatEnded, out: Outbox) -> None:
    """A seat has no allocation any more: what ran there goes on elsewhere, and costs it no retry."""
    view, seat, pool = _known(state, event.worker)
    if seat.state is SeatState.NONE:
        return
    if seat.state is not SeatState.ENDING and seat.up_at is None:
        # It may begin and fail between two looks: that nobody saw it run is no reason to ask at once.
        _brought_nothing(pool, event.at)
    use_again(view, seat)
    seat.turn(SeatState.NONE, event.at)
    seat.reason = event.reason
    view.up, view.since = False, event.at
    if view.usable:  # else it stays said why it cannot be used
        view.reason = event.reason
    out.commands.append(cmd.Unreach(view.name))
    _evict(state, view, event.reason or "its allocation is over", out)


def on_refused(state: RunState, event: ev.SeatRefused, out: Outbox) -> None:
    """The engine took no allocation: it is asked again later, each time after a longer pause."""
    _, seat, pool = _known(state, event.worker)
    if seat.state is SeatState.ASKED:
        seat.turn(SeatState.NONE, event.at)
    is_new = event.reason != pool.refusal
    pool.refusal, pool.is_passing = event.reason, event.passing
    pause_s = _pause_s(pool.refusals)
    pool.refusals += 1
    pool.not_before = event.at + pause_s
    if is_new:
        out.commands.append(
            cmd.Tell(f"{pool.name}: gives no allocation, is asked again in {pause_s:g} s: {event.reason}")
        )


def on_up(state: RunState, view: WorkerView, at: float) -> None:
    """The agent of a seat has answered."""
    seat = view.seat
    if seat is None:
        return
    if seat.state is not SeatState.RUNS:
        view.up = False  # it is being given back
        return
    pool = state.pools[seat.pool]
    pool.slots, pool.gpu_bytes = view.slots, view.gpu_bytes
    if seat.up_at is None:
        seat.up_at = at


def _known(state: RunState, worker: str) -> tuple[WorkerView, Seat, Pool]:
    view = state.workers[worker]
    if view.seat is None:
        raise ValueError(f"{worker} is no seat")
    return view, view.seat, state.pools[view.seat.pool]


def _accepted(pool: Pool) -> None:
    pool.refusal, pool.refusals, pool.is_passing = "", 0, True


def _brought_nothing(pool: Pool, at: float) -> None:
    pool.not_before = max(pool.not_before, at + _pause_s(pool.in_vain))
    pool.in_vain += 1


def _pause_s(times: int) -> float:
    return min(MOST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** min(times, 10))


def _evict(state: RunState, view: WorkerView, why: str, out: Outbox) -> None:
    """End what ran on a seat; what succeeded there is waited for as for a worker that is silent."""
    for job_id, _ in sorted(view.attempts):
        end_attempt(state, state.jobs[job_id], Outcome.EVICTED, out, f"{view.name}: {why}")
    view.tried = bool(view.collecting)
    view.since = out.at
    view.delivering.clear()
    view.reattached.clear()
    view.ending.clear()


def _end_again(view: WorkerView, seat: Seat, event: ev.SeatPending | ev.SeatRunning, out: Outbox) -> None:
    """End what is to end and has not, or what has come through in its place."""
    if event.allocation != seat.allocation or event.at - seat.since >= AGAIN_S:
        seat.allocation, seat.since = event.allocation, event.at
        out.commands.append(cmd.CancelSeat(view.name, seat.allocation))


# ---- time


def on_tick(state: RunState, at: float, out: Outbox) -> None:
    """Ask for the seats that are wanted, and give back those that are not."""
    held_back = awaited_workers(state) if state.pools else set()
    for pool in state.pools.values():
        views = list(_seats_of(state, pool))
        if views and pool.seen:
            _look_after(state, pool, views, held_back, out)


def _look_after(
    state: RunState, pool: Pool, views: list[WorkerView], held_back: Collection[str | None], out: Outbox
) -> None:
    """`held_back` are the workers from which a checkpoint is still to come."""
    ready = ready_for(state, pool, views[0])
    pool.needless_since = None if ready else (pool.needless_since or out.at)
    for view in views:
        if view.name not in held_back:
            _look_after_seat(state, pool, view, ready, out)
    held = held_by(views)
    pool.unwanted_since = None if ready or held.all else (pool.unwanted_since or out.at)
    if out.at < pool.not_before or pool.unseen_since is not None:
        return
    more = more_seats(ready, pool.slots, held, pool.seats, pool.queued)
    free = [view for view in views if _may_ask(view)]
    for view in sorted(free, key=lambda view: (not view.collecting, view.number))[:more]:
        assert view.seat
        view.seat.turn(SeatState.ASKED, out.at)
        view.seat.reason = ""
        out.commands.append(cmd.SubmitSeat(view.name))


def _may_ask(view: WorkerView) -> bool:
    free = view.seat is not None and view.seat.state is SeatState.NONE
    return free and view.usable and view.hold is None and view.leaves is None


def _look_after_seat(state: RunState, pool: Pool, view: WorkerView, ready: int, out: Outbox) -> None:
    seat = view.seat
    assert seat
    if seat.state is SeatState.QUEUED and _is_needless(state, pool, view, out.at):
        _give_back(view, seat, out)
    if seat.state is not SeatState.RUNS:
        return
    if view.busy:
        seat.worked, seat.idle_since, pool.in_vain = True, None, 0
        return
    if view.reattached or (view.ending and view.up):
        return
    seat.idle_since = out.at if seat.idle_since is None else seat.idle_since
    if why := _why_given_back(state, pool, view, ready, out.at):
        vain = seat.up_at is None or (ready and not seat.worked)
        if vain:
            _brought_nothing(pool, out.at)
            out.commands.append(cmd.Tell(f"{view.name}: its allocation is given back: {why}"))
        _give_back(view, seat, out)


def _is_needless(state: RunState, pool: Pool, view: WorkerView, at: float) -> bool:
    """True for an allocation in the queue that nobody needs any more."""
    if state.stopping or view.hold or view.leaves or not view.usable:
        return True
    patience_s = pool.idle_s if _may_become_ready(state) else SPENT_S
    return pool.needless_since is not None and at - pool.needless_since >= patience_s


def _may_become_ready(state: RunState) -> bool:
    """True while there are jobs that have not been given out, or more may be added at any time."""
    return state.policy.stands or state.counts[State.PENDING] + state.counts[State.READY] > 0


def _why_given_back(state: RunState, pool: Pool, view: WorkerView, ready: int, at: float) -> str:
    """Return why the allocation of a seat that has nothing to do is given back; "" while it is kept."""
    seat = view.seat
    assert seat and seat.idle_since is not None
    if not view.usable:
        return view.reason or "it cannot be used"
    if state.stopping or (view.hold and view.hold.drains):
        return "nothing more is given to it"
    if seat.up_at is None:
        silent = at - seat.since >= START_S
        return f"no agent answered within {START_S / 60:g} minutes: {view.reason}" if silent else ""
    idle_s = at - seat.idle_since
    if ready and idle_s >= SPENT_S and not is_fresh(seat, at):
        return "what is left of it is too short for the jobs that are ready"
    if idle_s >= SPENT_S and not _may_become_ready(state):
        return "all that is left of the run is under way"
    return "it had nothing to do" if idle_s >= pool.idle_s else ""


def _give_back(view: WorkerView, seat: Seat, out: Outbox) -> None:
    if seat.state is SeatState.RUNS:
        view.up, view.since = False, out.at
        out.commands.append(cmd.Unreach(view.name))
    seat.turn(SeatState.ENDING, out.at)
    out.commands.append(cmd.CancelSeat(view.name, seat.allocation))


def _seats_of(state: RunState, pool: Pool) -> Iterator[WorkerView]:
    return (view for view in state.workers.values() if view.seat and view.seat.pool == pool.name)


# ---- hope


def is_hopeless(pool: Pool, seat: Seat, at: float, policy: Policy) -> bool:
    """True for a seat that is not worth waiting for: one that waits in the queue always is."""
    if pool.unseen_since is not None:
        patience_s = policy.give_up_s if pool.seen else policy.never_up_s
        return at - pool.unseen_since >= patience_s
    if seat.state is not SeatState.NONE:
        return False
    if (pool.refusal and not pool.is_passing) or pool.in_vain >= MOST_IN_VAIN:
        return True
    return pool.unwanted_since is not None and at - pool.unwanted_since >= policy.give_up_s
