"""Numbers that are learned on the way, beside the number that would have been best from the start."""

from __future__ import annotations

import random
from statistics import mean

import pytest

from tests.unit.worker_agent.core.packing.cards import KINDS, Work, a_search, seconds
from worker_agent.core.packing.crowd import Crowd

JOBS = 200


def ratios(kind: str, seed: int) -> tuple[float, float]:
    """Return the time of the best fixed number, and of one at a time, over ours."""
    chance = random.Random(f"{kind} {seed}")
    done, most = KINDS[kind](chance), chance.choice([2, 4, 8, 14])
    jobs = a_search(chance, JOBS)
    whole = [Work(job.starts_s, (sum(job.epochs),)) for job in jobs]
    fixed = [seconds(done, whole, number) for number in range(1, most + 1)]
    ours = seconds(done, jobs, most, Crowd())
    return min(fixed) / ours, fixed[0] / ours


LEAST = {"thrashing": 0.8}
"""Where one job too many costs a third, finding that out costs more than elsewhere."""


@pytest.mark.parametrize("kind", KINDS)
def test_it_is_within_a_tenth_of_the_best_number_as_of_one_at_a_time(kind: str) -> None:
    assert falls_short(kind, range(5)) == {}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_so_it_is_by_many_seeds(kind: str) -> None:
    assert falls_short(kind, range(5, 60)) == {}


def falls_short(kind: str, seeds: range) -> dict[int, tuple[float, float]]:
    """Return the seeds that fall short of the best number, or of one at a time; all where their mean does."""
    found = {seed: ratios(kind, seed) for seed in seeds}
    least = LEAST.get(kind, 0.9)
    if mean(best for best, _ in found.values()) < 0.95:
        return found
    return {seed: (best, one) for seed, (best, one) in found.items() if best < least or one < 0.9}
