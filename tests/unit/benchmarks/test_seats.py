"""The benchmark of seats: a small run is near its bound, and nearer where durations are known."""

from __future__ import annotations

from random import Random

import pytest

from benchmarks.seat_packings import Window
from benchmarks.seats import Lent, Play, Scene, is_good, told, windows_of


def test_seats_are_there_as_long_as_the_engine_would_have_left_them() -> None:
    play = Play(Scene(jobs=1, seats=2), Random(0))
    play.allocations = [
        Lent("a", 0.0, 100.0, had_until=50.0),
        Lent("b", 100.0, 400.0, had_until=400.0),
        Lent("a", 60.0, 200.0, had_until=200.0),
        Lent("c"),
    ]
    windows = [Window(100.0, 400.0), Window(60.0, 200.0), Window(0.0, 60.0)]
    assert windows_of(play) == windows


def test_a_small_run_ends_near_its_bound() -> None:
    found = told(Scene(jobs=120, seats=4, queued=4, wait_s=60.0), seed=1)
    assert 1.0 <= found["makespan_over_clairvoyant"] < 1.25
    assert 0.0 <= found["idle_share"] < 0.1


def test_where_users_say_how_long_jobs_take_the_longest_begin_first() -> None:
    unknown = told(Scene(jobs=200, seats=4, queued=4, wait_s=60.0, slots=4), seed=1)
    known = told(Scene(jobs=200, seats=4, queued=4, wait_s=60.0, slots=4, said_within=0.3), seed=1)
    assert known["makespan_over_clairvoyant"] < unknown["makespan_over_clairvoyant"]
    assert known["idle_share"] < unknown["idle_share"]


@pytest.mark.parametrize(
    ("over", "idle", "blind_over", "blind_idle", "good"),
    [
        (1.10, 0.049, 1.0, 0.0, True),
        (1.11, 0.049, 1.0, 0.0, False),
        (1.10, 0.051, 1.0, 0.0, False),
        (1.13, 0.06, 1.12, 0.05, True),
        (1.15, 0.06, 1.12, 0.05, False),
        (1.13, 0.08, 1.12, 0.05, False),
    ],
)
def test_who_knows_no_durations_is_measured_by_one_who_knows_none(
    over: float, idle: float, blind_over: float, blind_idle: float, good: bool
) -> None:
    figures = {"makespan_over_clairvoyant": over, "idle_share": idle}
    assert is_good({**figures, "blind_over_clairvoyant": blind_over, "blind_idle_share": blind_idle}) is good
