"""What is done for each kind of order, and what a restart makes of one that the journal has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from master.core.running import commands as cmd
from master.core.running.orders import holding, membership
from master.core.running.orders.cancelling import cancel
from master.core.running.orders.of_workers import (
    AddWorker,
    DrainWorkers,
    PauseWorkers,
    RemoveWorkers,
    ResumeWorkers,
    SetSlots,
)
from master.core.running.orders.order import CancelJobs, Order, Ordered, Reply
from master.core.running.records import Outbox, RunState


@dataclass(frozen=True)
class Kind:
    """A kind of order."""

    act: Callable[[RunState, Ordered, Outbox], Reply]
    """Does it, or with `dry_run` only says what it would do."""
    replay: Callable[[RunState, Ordered], None] | None = None
    """Lets it hold after a restart; None where the transitions of jobs tell all that came of it."""


KINDS: Mapping[type[Order], Kind] = {
    CancelJobs: Kind(cancel),
    PauseWorkers: Kind(holding.hold, holding.replay_hold),
    DrainWorkers: Kind(holding.hold, holding.replay_hold),
    ResumeWorkers: Kind(holding.resume, holding.replay_resume),
    SetSlots: Kind(holding.set_slots, holding.replay_slots),
    AddWorker: Kind(membership.add, membership.replay_add),
    RemoveWorkers: Kind(membership.remove, membership.replay_remove),
}


def on_ordered(state: RunState, event: Ordered, out: Outbox) -> None:
    """Do what a user wants, and remember it where it changed anything."""
    reply = out.reply = KINDS[type(event.order)].act(state, event, out)
    if reply.done and not event.dry_run:
        out.orders.append(event)
        out.commands.append(cmd.Tell(told(event, reply)))


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
