"""Jobs that tell how they do, and what is promised of those that are ended for doing worse than others."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import TYPE_CHECKING

from master.core.running.lifecycle import State, Trigger
from master.core.running.pruning.spoke import AttemptSpoke
from master.core.running.records import JobRecord
from master.specs import ASHA, MEDIAN, PruneSpec
from worker_agent.protocol.reports import Said

if TYPE_CHECKING:
    from tests.simulation.worker import Worker
    from tests.simulation.world import World

EPOCH_S, EVERY_S = 2.0, 5.0
"""Of the simulated jobs, and between two reports."""
_HEARD = 0.7
_IN_VAIN = frozenset({State.FAILED, State.CANCELLED, State.BLOCKED})
_CONTESTS = 2


def prune_of(seed: int) -> PruneSpec | None:
    """Return how a schedule prunes: half of them do not."""
    random = Random(f"pruning {seed}")
    least, few = random.choice([1, 2, 4]), random.choice([1, 2])
    asha = PruneSpec(ASHA, "loss", least_steps=least, eta=random.choice([2, 3]))
    return random.choice([None, None, asha, PruneSpec(MEDIAN, "loss", least_steps=least, least_jobs=few)])


def contest_of(number: int) -> str:
    """Return with which others a job is compared."""
    return f"contest {number % _CONTESTS}"


def badness(job_id: str) -> float:
    """Return how badly a job does, whatever its epoch; no two do equally."""
    return Random(job_id).random()


def tell_progress(world: World, worker: Worker) -> None:
    """Let the attempts on a worker say how far they have come; some of it is lost."""
    link = world.master.links.get(worker.name)
    if link is None or not link.up or world.dying:
        return
    for key in worker.running():
        epoch = (world.clock.now - worker.began_at(key)) / EPOCH_S
        if epoch > 0 and world.clock.random.random() < _HEARD:
            # So little from epoch to epoch that who is worse is so at any.
            said = Said(epoch=epoch, metrics={"loss": badness(key[0]) - epoch * 1e-9})
            world.master.ask(AttemptSpoke(world.clock.now, worker.name, *key, said))


def _compared(world: World) -> Iterator[tuple[str, list[JobRecord]]]:
    jobs = [record for record in world.master.state.jobs.values() if record.job.contest]
    for contest in dict.fromkeys(record.job.contest for record in jobs):
        yield contest, [record for record in jobs if record.job.contest == contest]


def the_best_of_those_compared_is_never_ended(world: World) -> Iterator[str]:
    """A job that does better than all that it is compared with is not told to end."""
    for contest, jobs in _compared(world):
        best = min(jobs, key=lambda record: badness(record.job.job_id))
        if best.pruned_at or best.state is State.PRUNED:
            yield f"{best.job.job_id} of {contest}: {best.note}"


def whoever_may_go_on_does(world: World) -> Iterator[str]:
    """By rungs nobody stays ended who is among the best by now."""
    state = world.master.state
    if state.contests is None or state.contests.spec.by != ASHA or state.cancelling or world.dying:
        return
    for record in state.jobs.values():
        name = record.job.job_id
        if record.state is not State.PRUNED or name not in state.contests:
            continue
        counts = {other: state.jobs[other].state not in _IN_VAIN for other in state.jobs}
        if state.contests.of(name).verdict(name, counts.__getitem__, lambda other: False) is None:
            yield f"{name} is among the best and {record.state.value}"


def who_was_told_to_end_is_pruned_or_has_succeeded(world: World) -> Iterator[str]:
    """What a job was told to end comes to nothing that is charged to it."""
    for _, jobs in _compared(world):
        for record in jobs:
            if record.pruned_at and record.state not in (State.RUNNING, State.PRUNED):
                yield f"{record.job.job_id} is {record.state.value}: {record.history[-4:]}"


def somebody_always_wins(world: World) -> Iterator[str]:
    """Where jobs are compared one of them runs to its end, unless all others end in vain."""
    for contest, jobs in _compared(world):
        states = {record.state for record in jobs}
        if State.PRUNED in states and states <= {State.PRUNED}:
            yield contest


def pruned(world: World) -> int:
    """Return how often a job was ended for doing worse, by the journal."""
    return sum(item.trigger is Trigger.SHELVE for item in world.home.journal)


def promoted(world: World) -> int:
    """Return how often one went on later."""
    return sum(item.trigger is Trigger.PROMOTE for item in world.home.journal)


OF_THE_MASTER = (
    the_best_of_those_compared_is_never_ended,
    whoever_may_go_on_does,
    who_was_told_to_end_is_pruned_or_has_succeeded,
)
OF_THE_END = (somebody_always_wins,)
