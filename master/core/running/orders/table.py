"""What is done for each kind of order, and what a restart makes of one that the journal has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from master.core.running import commands as cmd
from master.core.running.orders import holding, membership
from master.core.running.orders.adding import add
from master.core.running.orders.cancelling import cancel
from master.core.running.orders.of_jobs import (
    AddJobs,
    CancelJobs,
    RetryJobs,
    SetAtOnce,
    SetNotify,
    SetPriority,
)
from master.core.running.orders.of_workers import (
    AddWorker,
    DrainWorkers,
    PauseWorkers,
    RemoveWorkers,
    ResumeWorkers,
    SetSlots,
)
from master.core.running.orders.order import Order, Ordered, Reply
from master.core.running.orders.retrying import retry
from master.core.running.orders.setting import (
    replay_at_once,
    replay_priority,
    set_at_once,
    set_notify,
    set_priority,
)
from master.core.running.records import Outbox, RunState


@dataclass(frozen=True)
class Kind:
    """A kind of order."""

    act: Callable[[RunState, Ordered, Outbox], Reply]
    """Does it, or with `dry_run` only says what it would do."""
    replay: Callable[[RunState, Ordered], None] | None = None
    """Lets it hold after a restart; None where the transitions of jobs tell all that came of it."""
    is_seen: bool = False
    """Who watches the run sees each of its transitions, and need not be told of it as a whole."""


KINDS: Mapping[type[Order], Kind] = {
    PauseWorkers: Kind(holding.hold, holding.replay_hold),
    DrainWorkers: Kind(holding.hold, holding.replay_hold),
    ResumeWorkers: Kind(holding.resume, holding.replay_resume),
    SetSlots: Kind(holding.set_slots, holding.replay_slots),
    AddWorker: Kind(membership.add, membership.replay_add),
    RemoveWorkers: Kind(membership.remove, membership.replay_remove),
    CancelJobs: Kind(cancel, is_seen=True),
    RetryJobs: Kind(retry),
    AddJobs: Kind(add),
    SetPriority: Kind(set_priority, replay_priority),
    SetAtOnce: Kind(set_at_once, replay_at_once),
    SetNotify: Kind(set_notify),
}


def on_ordered(state: RunState, event: Ordered, out: Outbox) -> None:
    """Do what a user wants, and remember it where it changed anything."""
    kind = KINDS[type(event.order)]
    reply = out.reply = kind.act(state, event, out)
    if not reply.done or event.dry_run:
        return
    out.orders.append(_as_done(event, reply))
    if not kind.is_seen:
        out.commands.append(cmd.Tell(told(event, reply)))


def _as_done(event: Ordered, reply: Reply) -> Ordered:
    """Return what is remembered of an order about jobs or workers: those that it was carried out on."""
    names = [item.name for item in reply.done]
    if isinstance(event.order, CancelJobs | RetryJobs | SetPriority):
        return replace(event, order=replace(event.order, jobs=names, only=[]))
    if isinstance(event.order, PauseWorkers | DrainWorkers | ResumeWorkers | SetSlots | RemoveWorkers):
        return replace(event, order=replace(event.order, workers=names))
    return event


def told(event: Ordered, reply: Reply) -> str:
    """Say in a line what a user did, for those who watch the run."""
    first = f"{reply.done[0].name} ({reply.done[0].says})"
    more = f" and {len(reply.done) - 1} more" if len(reply.done) > 1 else ""
    return f"{event.verb} {event.signed}: {first}{more}"


def replay(state: RunState, orders: Iterable[Ordered]) -> None:
    """Let the orders of earlier starts hold again, in the order in which they were given."""
    for event in orders:
        if again := KINDS[type(event.order)].replay:
            again(state, event)
