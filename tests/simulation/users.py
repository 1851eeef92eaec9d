"""What is promised to users who steer a run, as questions to a simulated one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from master.core.explaining.explain import explain
from master.core.running.lifecycle import ENDED, State

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
