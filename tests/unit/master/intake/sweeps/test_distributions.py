from __future__ import annotations

import itertools
import statistics
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.intake.sweeps.distributions import DISTRIBUTIONS, draws


def drawn(kind: str, numbers: list[Any], count: int = 500, seed: int = 0) -> list[Any]:
    assert not DISTRIBUTIONS[kind].problem(numbers)
    return list(itertools.islice(draws(DISTRIBUTIONS[kind], numbers, seed, "x"), count))


@pytest.mark.parametrize(
    ("kind", "numbers", "says"),
    [
        ("uniform", [1, 0], "the first must be lower"),
        ("uniform", [1, 1], "the first must be lower"),
        ("uniform", [1], "takes 2 numbers"),
        ("uniform", [True, 2], "takes 2 numbers"),
        ("uniform", ["a", 2], "takes 2 numbers"),
        ("log_uniform", [0, 1], "must be above 0"),
        ("log_uniform", [-1, 1], "must be above 0"),
        ("log_uniform", [1e-2, 1e-4], "the first must be lower"),
        ("int_uniform", [0.5, 2], "must be whole numbers"),
        ("int_log_uniform", [0, 8], "must be above 0"),
        ("int_log_uniform", [1, 8.5], "must be whole numbers"),
        ("step_uniform", [0, 1, 2], "at most 1"),
        ("step_uniform", [0, 1, 0], "must be above 0"),
        ("step_uniform", [0, 1], "takes 3 numbers"),
        ("normal", [0, 0], "must be above 0"),
        ("log_normal", [0, -1], "must be above 0"),
        ("choice", [], "has no values"),
    ],
)
def test_impossible_bounds_are_told(kind: str, numbers: list[Any], says: str) -> None:
    assert says in DISTRIBUTIONS[kind].problem(numbers)


def test_each_distribution_draws_what_it_says() -> None:
    assert all(0.5 <= value <= 2 for value in drawn("uniform", [0.5, 2]))
    assert statistics.median(drawn("log_uniform", [1e-5, 1e-1])) == pytest.approx(1e-3, rel=0.5)
    assert set(drawn("int_uniform", [3, 5])) == {3, 4, 5}
    assert set(drawn("int_log_uniform", [1, 4])) == {1, 2, 3, 4}
    assert set(drawn("step_uniform", [0, 1, 0.25])) == {0.0, 0.25, 0.5, 0.75, 1.0}
    assert set(drawn("step_uniform", [8, 64, 8])) == set(range(8, 65, 8))
    assert statistics.mean(drawn("normal", [10, 1])) == pytest.approx(10, abs=0.2)
    assert all(value > 0 for value in drawn("log_normal", [0, 1]))
    assert set(drawn("choice", ["a", None, [1]][:2])) == {"a", None}


def test_the_draws_of_a_seed_never_change() -> None:
    """A run that is resumed, maybe under another Python, must find the same jobs."""
    assert drawn("log_uniform", [1e-5, 1e-2], 3) == [0.00569362, 0.000270836, 0.00765503]
    assert drawn("int_uniform", [0, 9], 5, seed=1) == [6, 0, 8, 0, 1]
    assert drawn("normal", [0, 1], 2, seed=2) == [-0.428854, -0.474622]


def test_another_field_or_seed_draws_other_values() -> None:
    uniform, numbers = DISTRIBUTIONS["uniform"], [0, 1]
    streams = [draws(uniform, numbers, seed, name) for seed, name in ((0, "a"), (0, "b"), (1, "a"))]
    assert len({next(stream) for stream in streams}) == 3


@given(st.integers(0, 2**53), st.integers(-100, 100), st.integers(1, 50))
def test_values_stay_within_their_bounds(seed: int, low: int, width: int) -> None:
    high = low + width
    for kind in ("uniform", "int_uniform"):
        assert all(low <= value <= high for value in drawn(kind, [low, high], 20, seed))
    assert all(low <= value <= high for value in drawn("step_uniform", [low, high, 1], 20, seed))
