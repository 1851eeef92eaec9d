"""What is promised to users who steer a run, as questions to a simulated one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from master.core.explaining.explain import explain
from master.core.running.lifecycle import ENDED, State
from tests.simulation.orders import at_once_by_users, priorities_by_users, slots_by_users

if TYPE_CHECKING:
    from tests.simulation.world import World


def nothing_starts_on_a_worker_that_a_user_holds(world: World) -> Iterator[str]:
    """What a user has paused, drained or removed is given nothing until he says so."""
    yield from world.tally.started_on_held


def what_a_user_cancelled_stays_so(world: World) -> Iterator[str]:
    """A job that a user has cancelled does nothing until he wants it again, over restarts too.

    An outcome that was on its way before that may still come home.
    """
    if not world.home.rollbacks:
        yield from world.tally.ran_though_cancelled
    for record in world.master.state.jobs.values():
        if bool(record.cancelled_by) and record.state is not State.CANCELLED:
            yield f"{record.job.job_id} is {record.state.value} and cancelled"


def every_open_job_has_a_cause(world: World) -> Iterator[str]:
    """Of every job that has not ended the user can be told why, whatever users hold."""
    for job_id, record in world.master.state.jobs.items():
        if (explain(world.master.state, job_id) is None) != (record.state in ENDED):
            yield f"{job_id} is {record.state.value}"


def what_a_user_set_holds(world: World) -> Iterator[str]:
    """How many jobs run at a time, in all and on a worker, is what users said last, over restarts too."""
    if world.dying:  # what its master has not written down is lost with it
        return
    state, orders = world.master.state, world.home.orders
    if state.at_once != (most := at_once_by_users(orders)):
        yield f"{state.at_once} at a time, users want {most}"
    slots = slots_by_users(orders)
    for name, view in state.workers.items():
        if view.most != slots.get(name):
            yield f"{view.most} at a time on {name}, users want {slots.get(name)}"


def what_a_user_prefers_goes_first(world: World) -> Iterator[str]:
    """A job has the priority that users gave it last, and the base model that it waits for no lower one."""
    jobs = world.master.state.jobs if not world.dying else {}
    for job_id, priority in priorities_by_users(world.home.orders).items():
        record = jobs.get(job_id)
        if record and record.job.makes is None and record.job.resources.priority != priority:
            yield f"{job_id} has priority {record.job.resources.priority}, users want {priority}"
        if record and record.job.resources.priority < priority:
            yield f"{job_id} has priority {record.job.resources.priority}, users want {priority}"
