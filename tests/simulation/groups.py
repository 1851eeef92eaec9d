"""What is promised of jobs that train at once, as questions to a simulated run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from master.core.running.lifecycle import Trigger
from worker_agent.core import slot_assignment
from worker_agent.core.shares import everything
from worker_agent.core.state import Artefact

if TYPE_CHECKING:
    from master.core.running.commands import Transition
    from tests.simulation.worker import Worker
    from tests.simulation.world import World


def answering(world: World) -> Iterator[Worker]:
    """Yield the workers whose link is up and quiet: master and agent know the same."""
    if world.dying or world.master.inbox:
        return
    for name, link in world.master.links.items():
        worker = world.master.workers[name]
        if link.up and not link.closed and not link.in_flight and worker.life is not None:
            yield worker


def nobody_waits_for_a_group(world: World) -> Iterator[str]:
    """No attempt that lacks nothing waits while its worker has a slot that is free."""
    for worker in answering(world):
        state = worker.life.state if worker.life else None
        if state is None or not state.ready:
            continue
        taken = slot_assignment.in_use(state)
        free = [name for name, device in state.devices.items() if everything(device) & ~taken.get(name, 0)]
        for number, key in state.ready if free else ():
            needs = state.attempts[key].needs if slot_assignment.is_ready(state, number, key) else {""}
            if all(state.artefacts.get(name) is Artefact.PRESENT for name in needs):
                yield f"{key} waits on {worker.name} though {free} are free"


def _earlier(world: World, job_id: str, attempt: int) -> Iterator[Transition]:
    """Yield what the journal tells of the attempts at a job before one."""
    return (item for item in world.home.journal if item.job_id == job_id and 0 < item.attempt < attempt)


def _has_begun(item: Transition) -> bool:
    return item.finished is not None or item.trigger in (Trigger.START, Trigger.ADOPT, Trigger.LOSE)


def what_was_tried_before_runs_alone(world: World) -> Iterator[str]:
    """A job that was in a group that crashed is never grouped again; one that was taken back may be."""
    for worker in world.workers if not world.home.rollbacks else ():
        processes = worker.machine.processes
        shared = Counter(process.pid for process in processes.values())
        for (job_id, attempt), process in processes.items():
            together = attempt > 1 and shared[process.pid] > 1
            if together and any(_has_begun(item) for item in _earlier(world, job_id, attempt)):
                yield f"{job_id}#{attempt} trains with others on {worker.name}"
