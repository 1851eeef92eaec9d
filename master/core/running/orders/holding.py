"""`pause`, `drain`, `resume`, `set-slots`: workers that users want to be given nothing, or less."""

from __future__ import annotations

from collections.abc import Iterable

from master.core.running import commands as cmd
from master.core.running.fleet.holds import Hold
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.jobs import may_be_queued
from master.core.running.orders.each import each_worker
from master.core.running.orders.of_workers import DrainWorkers, PauseWorkers, ResumeWorkers, SetSlots
from master.core.running.orders.order import Ordered, Reply
from master.core.running.records import Outbox, RunState
from worker_agent.protocol.terms import MOST_ON_A_GPU

MOST_S = 10 * 365.25 * 86400
"""The longest hold that ends by itself: what is longer is a slip, or no time at all."""


def why_gone(view: WorkerView) -> str:
    """Say that a worker is being removed; empty where it is not."""
    return f"is being removed{view.leaves.signed}" if view.leaves else ""


# ---- pause and drain


def hold(state: RunState, event: Ordered, out: Outbox) -> Reply:
    """Give workers nothing more, and take back what has not started there."""
    assert isinstance(event.order, (PauseWorkers, DrainWorkers))
    held = _hold_of(event)

    def act(view: WorkerView) -> str:
        before, busy = view.hold, len(view.attempts)
        if not event.dry_run:
            _set(view, held)
            take_back(state, view, out)
            interrupt(view, out)
        return _says(view, held, before, busy)

    return each_worker(state, event.order.workers, lambda view: _why_not(view, event), act)


def replay_hold(state: RunState, event: Ordered) -> None:
    """Let a hold last over a restart."""
    assert isinstance(event.order, (PauseWorkers, DrainWorkers))
    for view in _known(state, event.order.workers):
        _set(view, _hold_of(event))


def _hold_of(event: Ordered) -> Hold:
    order = event.order
    assert isinstance(order, (PauseWorkers, DrainWorkers))
    drains = isinstance(order, DrainWorkers)
    at_once = isinstance(order, DrainWorkers) and order.now
    until = order.until or None
    return Hold(event.by.user, event.at, event.why, until, drains=drains, at_once=at_once)


def _why_not(view: WorkerView, event: Ordered) -> str:
    assert isinstance(event.order, (PauseWorkers, DrainWorkers))
    return why_gone(view) or _why_no_end(event.order.until, event.at)


def _why_no_end(until: float, at: float) -> str:
    """Say why a hold cannot end then; empty where it can, or has no end."""
    if not until or at < until <= at + MOST_S:
        return ""
    if until <= at:
        return "is not held: the end that was given is over already"
    return "is not held: the end that was given is no time within ten years; without one it lasts"


def _set(view: WorkerView, held: Hold | None) -> None:
    view.hold, view.drained = held, False


def _says(view: WorkerView, held: Hold, before: Hold | None, busy: int) -> str:
    says = f"is {held.word}"
    if before:
        says += f", was {before.word}{before.signed}"
    if busy and held.at_once:
        says += f"; {jobs_text(busy)} interrupted, to go on elsewhere"
    elif busy:
        says += f"; {jobs_text(busy)} there may end"
    return says + ("" if view.up else "; it is not connected: what runs there hears of it when it is")


def jobs_text(count: int) -> str:
    """Return `1 job`, `2 jobs`."""
    return "1 job" if count == 1 else f"{count} jobs"


def take_back(state: RunState, view: WorkerView, out: Outbox) -> None:
    """Take back what a worker has not started."""
    for key in sorted(view.attempts):
        if may_be_queued(state.jobs[key[0]]):
            out.commands.append(cmd.Withdraw(view.name, *key))


def interrupt(view: WorkerView, out: Outbox) -> None:
    """End what runs on a worker, where a user wants that."""
    if view.ends_jobs:
        out.commands += [cmd.Cancel(view.name, *key) for key in sorted(view.attempts | view.reattached)]


# ---- resume


def resume(state: RunState, event: Ordered, out: Outbox) -> Reply:
    """Use workers again, those whose place was bad too: one attempt shows whether it is good."""
    assert isinstance(event.order, ResumeWorkers)

    def act(view: WorkerView) -> str:
        before = view.hold
        if not event.dry_run:
            release(state, view, event.at)
            view.paused_until = min(view.paused_until, event.at)
        return f"is used again, was {before.word}{before.signed}" if before else "is tried again"

    return each_worker(state, event.order.workers, _why_not_resumed, act)


def replay_resume(state: RunState, event: Ordered) -> None:
    """Let a hold be over after a restart too."""
    assert isinstance(event.order, ResumeWorkers)
    for view in _known(state, event.order.workers):
        _set(view, None)


def _why_not_resumed(view: WorkerView) -> str:
    return why_gone(view) or ("" if view.hold or view.paused else "nobody has paused it")


def release(state: RunState, view: WorkerView, at: float) -> None:
    """Use a worker again; whoever waits for one that is down begins to wait now."""
    _set(view, None)
    view.resumed_at = at
    state.free.add(view.name)


def forget_what_is_over(state: RunState, at: float) -> None:
    """Begin a start without the holds that have ended by themselves: it was told then."""
    for view in state.workers.values():
        if view.hold and view.hold.until is not None and at >= view.hold.until:
            _set(view, None)


def on_tick(state: RunState, at: float, out: Outbox) -> None:
    """End holds that end by themselves, and tell when a worker that is wanted for something else is free."""
    for view in state.workers.values():
        held = view.hold
        if held and held.until is not None and at >= held.until:
            release(state, view, at)
            out.commands.append(
                cmd.Tell(f"{view.name}: used again, the time of its hold{held.signed} is over")
            )
        elif held and held.drains and not view.drained and is_empty(view):
            view.drained = True
            out.commands.append(
                cmd.Tell(f"{view.name}: nothing of this run is there any more, {view.trouble}")
            )


def is_empty(view: WorkerView) -> bool:
    """True for a worker that answers and has nothing of this run any more, and for a seat that is unused."""
    return (view.up or view.is_unused) and not view.busy and not view.reattached and not view.ending


# ---- slots


def set_slots(state: RunState, event: Ordered, out: Outbox) -> Reply:
    """Have fewer jobs at a time on a worker, or as many again as it has room for."""
    order = event.order
    assert isinstance(order, SetSlots)

    def act(view: WorkerView) -> str:
        own = 0 if view.raised else view.slots
        if not event.dry_run:
            if order.slots > view.slots or (view.raised and not order.slots):
                view.raised = order.slots
                out.commands.append(cmd.HaveSlots(view.name, order.slots or None))
            _limit(view, order.slots)
            state.free.add(view.name)
            if view.most is not None and view.used > view.most:
                take_back(state, view, out)
        return f"gets {order.slots or own or 'all of its'} slots' worth at a time"

    return each_worker(state, order.workers, lambda view: _why_not_set(view, order.slots), act)


def replay_slots(state: RunState, event: Ordered) -> None:
    """Let the number hold after a restart."""
    assert isinstance(event.order, SetSlots)
    for view in _known(state, event.order.workers):
        _limit(view, event.order.slots)
        # How many it has of its own is not known yet.
        view.raised = max(view.raised, event.order.slots) if event.order.slots else 0


def _limit(view: WorkerView, slots: int) -> None:
    view.most = slots or None


def _why_not_set(view: WorkerView, slots: int) -> str:
    if slots < 0:
        return "slots are 1 or more, or 0 for all; pause gives it nothing"
    if slots > (most := view.most_slots):
        return f"can have {most} slots at most" + (f", {MOST_ON_A_GPU} on a GPU" if view.gpu_bytes else "")
    return why_gone(view)


def _known(state: RunState, names: Iterable[str]) -> Iterable[WorkerView]:
    return (state.workers[name] for name in names if name in state.workers)
