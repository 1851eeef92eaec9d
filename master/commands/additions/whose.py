"""Whose a run directory is: that of a run with jobs of its own, or of a master that stands."""

from __future__ import annotations

from collections.abc import Iterable

from master.commands.additions.programs import OWN
from master.core.running.orders.of_jobs import AddJobs
from master.core.running.orders.order import Ordered
from master.errors import UsageError
from master.storage.journal_reading import EarlierStarts, read_orders
from master.storage.run_layout import RunLayout


def orders_of_run(layout: RunLayout, earlier: EarlierStarts) -> list[Ordered]:
    """Return the orders that a run of its own jobs was given.  Raises UsageError where a master stood."""
    orders = read_orders(layout.journal)
    check_no_standing(layout, earlier, orders)
    return orders


def check_no_standing(layout: RunLayout, earlier: EarlierStarts, orders: Iterable[Ordered]) -> None:
    """Raise UsageError for a directory in which a master stood."""
    if earlier.code is None and _any_additions(orders):
        stood = f"{layout.root} is where `twophase serve` stood, and what goes on there"
        raise UsageError(f"{stood}: give a run of its own jobs another --run-dir")


def check_no_run(layout: RunLayout, earlier: EarlierStarts, orders: Iterable[Ordered]) -> None:
    """Raise UsageError for a directory that holds a run with jobs of its own."""
    if earlier.code is not None or (earlier.known_ids and not _any_additions(orders)):
        held = f"{layout.root} holds a run with jobs of its own, which its own command goes on with"
        raise UsageError(f"{held}: give a directory of its own; `twophase add` adds jobs to that run, too")


def _any_additions(orders: Iterable[Ordered]) -> bool:
    return any(isinstance(event.order, AddJobs) and event.order.program != OWN for event in orders)
