"""What is promised of the places where jobs run: seats of a pool, and room that is given back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.world import World


def no_seat_has_two_allocations(world: World) -> Iterator[str]:
    """Whatever dies in between, a second allocation is never asked for while a seat has one."""
    yield from world.engine.doubled


def nothing_runs_on_a_seat_without_allocation(world: World) -> Iterator[str]:
    """What runs on a seat runs in its allocation."""
    for name, worker in world.engine.seats.items():
        lent = world.engine.lent.get(name)
        if worker.running() and not (lent and lent.runs):
            yield f"{name} runs {worker.running()}"


def nothing_is_kept_that_was_lent(world: World) -> Iterator[str]:
    """When a run is over no allocation is left."""
    yield from world.engine.lent
    yield from (name for name, _ in world.engine.doubles)


def nothing_is_held_for_jobs_that_ended(world: World) -> Iterator[str]:
    """When a run is over no worker has places taken for it."""
    for view in world.master.state.workers.values():
        if view.up and (view.attempts or view.collecting):
            yield f"{view.name} has {view.attempts | view.collecting}"


OF_ALL = (no_seat_has_two_allocations, nothing_runs_on_a_seat_without_allocation)
OF_THE_END = (nothing_is_kept_that_was_lent, nothing_is_held_for_jobs_that_ended)
