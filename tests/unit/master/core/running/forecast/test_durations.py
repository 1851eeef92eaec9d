"""How long jobs take, from those that have ended and those that still run."""

from __future__ import annotations

from random import Random
from statistics import mean, median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.core.running.forecast.durations import Drawn, durations_of, normal

MANY = st.lists(st.floats(0.01, 1e5), min_size=1, max_size=20)


def ended(*seconds: float) -> list[tuple[float, float]]:
    """Return attempts that began one after the other, long ago."""
    return [(1e9 - number, each) for number, each in enumerate(seconds)]


def drawn(seconds: list[float], running: list[float], draws: int = 400) -> list[float]:
    found, uniform = durations_of(ended(*seconds), running), Random(1).random
    assert found is not None
    return [Drawn(found, uniform).seconds() for _ in range(draws)]


def test_before_a_job_has_ended_nothing_is_said() -> None:
    assert durations_of([], []) is None
    assert durations_of([], [100.0]) is None


def test_without_running_jobs_each_ended_one_counts_alike() -> None:
    found = durations_of(ended(3.0, 1.0, 2.0), [])
    assert found is not None
    assert list(found.values) == [1.0, 2.0, 3.0]
    assert list(found.masses) == pytest.approx([1 / 3] * 3)


def test_kaplan_and_meier() -> None:
    """Of six, one each ends at 1, 2 and 4, and three still run after 1.5, 3 and 5 seconds."""
    found = durations_of(ended(1.0, 2.0, 4.0), [1.5, 3.0, 5.0])
    assert found is not None
    assert list(found.masses) == pytest.approx([1 / 6, (5 / 6) / 4, (5 / 6) * (3 / 4) / 2])
    assert found.longest == 5.0


def test_what_runs_for_long_makes_jobs_longer() -> None:
    alone, beside = median(drawn([10.0] * 5, [])), median(drawn([10.0] * 5, [60.0] * 20))
    assert alone == pytest.approx(10.0, rel=0.1) and beside > 40.0


def test_draws_are_as_what_was_seen() -> None:
    seconds = [Random(7).lognormvariate(3, 0.5) for _ in range(200)]
    assert mean(drawn(seconds, [], 3000)) == pytest.approx(mean(seconds), rel=0.05)


def test_few_observations_leave_much_open() -> None:
    def spread(count: int) -> float:
        found = sorted(drawn([10.0] * count, []))
        return found[-40] - found[40]

    assert spread(1) > 2 * spread(3) > 2 * spread(30)


@given(MANY, MANY, st.integers(0, 99))
def test_nothing_ends_before_now(seconds: list[float], running: list[float], seed: int) -> None:
    found, uniform = durations_of(ended(*seconds), running), Random(seed).random
    assert found is not None and sum(found.masses) <= 1 + 1e-9
    one = Drawn(found, uniform)
    assert one.seconds() > 0 and all(one.left(elapsed) >= 0 for elapsed in running)
    assert one.together(100.0) >= 0


def test_growth_is_seen_and_goes_on() -> None:
    seconds = [10.0 + number + 0.1 * (number % 3) for number in range(30)]
    found = durations_of(ended(*seconds), [])
    assert found is not None and found.growth[0] == pytest.approx(1 / 39, rel=0.05)
    one = Drawn(found, Random(3).random)
    many = [one.seconds() for _ in range(60)]
    assert mean(many[:5]) == pytest.approx(43.0, rel=0.15) and mean(many[-5:]) > 1.8 * mean(many[:5])


def test_chance_is_no_growth_and_neither_are_short_jobs_that_end_first() -> None:
    random = Random(5)
    found = durations_of(ended(*(random.lognormvariate(2, 0.5) for _ in range(60))), [])
    assert found is not None and found.growth == (0.0, 0.0)
    wave = sorted(ended(*(float(number) for number in range(20, 60))), key=lambda item: item[1])
    found = durations_of([(age - 1e9 + 50, took) for age, took in wave], [100.0])
    assert found is not None and found.growth == (0.0, 0.0)


def test_jobs_together_take_their_mean_each() -> None:
    found = durations_of(ended(*[5.0, 15.0] * 50), [])
    assert found is not None
    assert mean(Drawn(found, Random(n).random).together(1000.0) for n in range(60)) == pytest.approx(
        1e4, rel=0.05
    )


def test_normal_numbers() -> None:
    uniform = Random(0).random
    found = [normal(uniform) for _ in range(4000)]
    assert mean(found) == pytest.approx(0.0, abs=0.05)
    assert mean(each * each for each in found) == pytest.approx(1.0, abs=0.06)
