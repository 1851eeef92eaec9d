"""The walk along numbers of jobs at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from worker_agent.core.packing.ladder import AGAIN_AFTER, Ladder, above, below


def walked(done: Callable[[int], float], begin: int = 1, most: int = 64) -> list[int]:
    """Return the numbers that are tried where so much is done at each, until the walk stays."""
    ladder, tried = Ladder.begin(begin), [begin]
    while ladder.before is not None:
        reached = ladder.allowed <= most
        ladder.ended = 0 if reached else 8 * ladder.allowed
        tried.append(ladder.allowed)
        ladder.decide(lambda low, high: done(high) / done(low) if high <= most else None, reached)
        assert len(tried) < 50
    return [*tried, ladder.allowed]


def test_a_step_is_about_a_third() -> None:
    numbers = [1]
    while numbers[-1] < 40:
        numbers.append(above(numbers[-1]))
    assert numbers == [1, 2, 3, 4, 5, 6, 8, 10, 13, 17, 22, 29, 38, 50]
    assert [below(number) for number in (1, 2, 3, 4, 8, 16)] == [1, 1, 2, 3, 6, 12]


def test_more_run_while_more_is_done() -> None:
    assert walked(lambda number: min(number, 8))[-3:] == [8, 10, 8]
    assert walked(lambda number: min(number, 8.5))[-2:] == [10, 10]
    assert walked(lambda number: min(number, 6) - 0.1 * max(0, number - 6))[-1] == 6


def test_where_more_get_less_done_it_goes_back_to_one() -> None:
    assert walked(lambda number: 1 - 0.05 * (number - 1)) == [1, 2, 1]


def test_what_was_there_before_anything_was_known_is_compared_with_fewer() -> None:
    assert walked(lambda number: 1 / number, begin=5) == [5, 6, 3, 2, 1, 1]
    assert walked(float, begin=3, most=3) == [3, 4, 2, 3]


def test_what_memory_does_not_allow_is_given_up() -> None:
    assert walked(float, most=4)[-2:] == [5, 4]


@pytest.mark.parametrize("better", [False, True])
def test_numbers_nearby_are_tried_again_ever_more_rarely(better: bool) -> None:
    ladder = Ladder(4)
    ladder.ended = AGAIN_AFTER - 1
    assert not ladder.decide(lambda low, high: None, reached=True) and ladder.before is None
    ladder.ended += 1
    assert ladder.decide(lambda low, high: None, reached=True)
    assert (ladder.before, ladder.allowed, ladder.patience) == (4, 5, 2 * AGAIN_AFTER)
    ladder.decide(lambda low, high: 1.2 if better else 0.9, reached=True)
    assert ladder.allowed == (6 if better else 3)
