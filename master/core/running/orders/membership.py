"""`add-worker`, `remove-worker`: workers come into a run and go from it while it goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from master.core.running import commands as cmd
from master.core.running.checkpoints import awaited_workers
from master.core.running.fleet.holds import Hold
from master.core.running.fleet.seats import Seat
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.orders.each import each_worker
from master.core.running.orders.holding import interrupt, is_empty, jobs_text, take_back, why_gone
from master.core.running.orders.of_workers import AddWorker, RemoveWorkers
from master.core.running.orders.order import Ordered, Reply, Said
from master.core.running.records import Outbox, RunState
from master.core.running.spread import peers


@dataclass(frozen=True)
class Membership:
    """Which workers a run has beside those of its cluster config, and which of these it has not."""

    added: Mapping[str, AddWorker] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()


def membership(orders: Iterable[Ordered]) -> Membership:
    """Return what the orders of earlier starts come to: of each worker the last one counts."""
    added, removed = dict[str, AddWorker](), set[str]()
    for event in orders:
        if isinstance(event.order, AddWorker):
            added[event.order.name] = event.order
            removed.discard(event.order.name)
        elif isinstance(event.order, RemoveWorkers):
            removed.update(event.order.workers)
            for name in event.order.workers:
                added.pop(name, None)
    return Membership(added, frozenset(removed))


# ---- add

_CONNECTED = "is added, and is being connected"


def add(state: RunState, event: Ordered, out: Outbox) -> Reply:
    """Take a worker in and connect to it."""
    order = event.order
    assert isinstance(order, AddWorker)
    if why := _why_not_added(state, order):
        return Reply(refused=(Said(order.name, why),))
    if not event.dry_run:
        _join(state, order)
        out.commands.append(cmd.Connect(order.name))
    says = "is added, and asks for an allocation when it is needed" if order.pool else _CONNECTED
    return Reply((Said(order.name, says),))


def _why_not_added(state: RunState, order: AddWorker) -> str:
    view = state.workers.get(order.name)
    if order.pool and order.pool not in state.pools:
        return f"is a seat of {order.pool}, which is no pool of this run"
    if view is None:
        return ""
    gone = why_gone(view)
    return f"{gone}: add it again once it has gone" if gone else "is a worker of this run already"


def _join(state: RunState, order: AddWorker) -> None:
    number = max((view.number for view in state.workers.values()), default=-1) + 1
    labels = frozenset(order.labels)
    seat = Seat(order.pool) if order.pool else None
    view = WorkerView(order.name, number, labels=labels, limits=order.limits, seat=seat)
    state.workers[order.name] = view
    state.any_limits |= bool(order.limits)
    state.removed.pop(order.name, None)


def replay_add(state: RunState, event: Ordered) -> None:
    """Of a worker that came back nothing of before holds."""
    assert isinstance(event.order, AddWorker)
    state.removed.pop(event.order.name, None)
    if view := state.workers.get(event.order.name):
        view.hold = view.leaves = view.most = None
        view.raised = 0
        view.usable, view.reason = True, ""


# ---- remove


def remove(state: RunState, event: Ordered, out: Outbox) -> Reply:
    """Give workers nothing more, and let them go once nothing of the run is there any more."""
    order = event.order
    assert isinstance(order, RemoveWorkers)
    gone = Hold(event.by.user, event.at, event.why, at_once=order.now)

    def act(view: WorkerView) -> str:
        busy = len(view.attempts | view.collecting)
        if not event.dry_run:
            leave_run(view, gone)
            state.removed[view.name] = gone
            take_back(state, view, out)
            interrupt(view, out)
        return _says(view, busy, at_once=order.now)

    return each_worker(state, order.workers, lambda view: _why_not_removed(view, order), act)


def _why_not_removed(view: WorkerView, order: RemoveWorkers) -> str:
    """A removal may be hastened, not repeated."""
    hastened = view.leaves and order.now and not view.leaves.at_once
    return "" if hastened else why_gone(view)


def _says(view: WorkerView, busy: int, *, at_once: bool) -> str:
    if not view.up:
        return "goes once it has answered, or has not for the length of a lease"
    if not busy:
        return "goes now"
    done = f"{'is' if busy == 1 else 'are'} {'interrupted' if at_once else 'over'}"
    return f"goes once {jobs_text(busy)} there {done}, and what is to come home is home"


def leave_run(view: WorkerView, gone: Hold) -> None:
    """Let a worker leave: it is given nothing more, and goes once nothing of the run is there any more."""
    view.leaves, view.usable = gone, False
    view.reason = f"is being removed{gone.signed}"


def replay_remove(state: RunState, event: Ordered) -> None:
    """Let workers stay away; one that had not gone yet goes now."""
    assert isinstance(event.order, RemoveWorkers)
    gone = Hold(event.by.user, event.at, event.why, at_once=event.order.now)
    for name in event.order.workers:
        state.removed[name] = gone
        if view := state.workers.get(name):
            leave_run(view, gone)


def on_tick(state: RunState, at: float, out: Outbox) -> None:
    """Let the workers go that leave and have nothing of the run any more, or do not answer."""
    for view in list(_done(state, at)):
        del state.workers[view.name]
        peers.leave(state, view.name)
        state.any_gone = True
        out.commands.append(cmd.LetGo(view.name, answers=view.up or view.is_unused))
        state.left_at = at
        if not state.workers:
            out.commands.append(cmd.Tell(no_worker_left(state)))


def _done(state: RunState, at: float) -> Iterator[WorkerView]:
    awaited = awaited_workers(state)
    for view in state.workers.values():
        if view.leaves is None or view.name in awaited or (view.seat and not view.is_unused):
            continue
        silent = view.tried and not view.up and at - view.since > state.policy.lease_s
        if is_empty(view) or (silent and not view.busy):
            yield view


def no_worker_left(state: RunState) -> str:
    """Say that a run has no worker any more, and who removed the last one."""
    name, last = max(state.removed.items(), key=lambda item: item[1].at, default=("", None))
    removed = f": {name} was removed{last.signed}" if last else ""
    return f"no worker is left{removed}; add-worker adds one"
