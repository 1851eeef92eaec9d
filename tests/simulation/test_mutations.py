"""The simulation catches bugs: each that is seeded breaks the promise that it should, soon."""

from __future__ import annotations

import pytest

from tests.simulation.invariants import INVARIANTS
from tests.simulation.mutation import Mutation, seeded
from tests.simulation.mutations import MUTATIONS
from tests.simulation.schedules import world_of
from tests.simulation.world import BEYOND_INVARIANTS, Violation
from worker_agent.core import transitions

MOST_SCHEDULES = 300


def broken_promise(seed: int) -> str:
    """Return the promise that a schedule breaks first; empty where it breaks none."""
    try:
        world_of(seed).run()
    except Violation as violation:
        return violation.name
    return ""


def test_there_are_many_seeded_bugs_and_each_names_a_promise() -> None:
    names = [mutation.name for mutation in MUTATIONS]
    assert len(set(names)) == len(names) >= 25
    promises = {invariant.__name__ for invariant in INVARIANTS} | set(BEYOND_INVARIANTS)
    broken = {mutation.breaks for mutation in MUTATIONS}
    assert broken <= promises and len(broken) >= 10


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name.replace(" ", "-"))
def test_a_seeded_bug_is_caught(mutation: Mutation) -> None:
    with seeded(mutation):
        schedules = range(mutation.first, mutation.first + MOST_SCHEDULES)
        caught = (seed for seed in schedules if broken_promise(seed) == mutation.breaks)
        assert next(caught, None) is not None


def test_a_bug_is_gone_when_it_is_not_seeded_any_more() -> None:
    sound = transitions.on_cancel.__code__
    with seeded(next(item for item in MUTATIONS if item.function is transitions.on_cancel)):
        assert transitions.on_cancel.__code__ is not sound
    assert transitions.on_cancel.__code__ is sound


def test_a_bug_that_no_longer_fits_the_code_is_told() -> None:
    stale = Mutation("x", transitions.on_cancel, "what is not there", "pass", "recorded_once")
    with pytest.raises(ValueError, match="on_cancel has 'what is not there' not once"), seeded(stale):
        pass
