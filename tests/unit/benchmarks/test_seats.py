"""The benchmark of seats: its bound is one, and a small run is near it."""

from __future__ import annotations

from random import Random

import pytest

from benchmarks.seats import Lent, Play, Scene, clairvoyant_s, told


def test_the_bound_fills_the_seats_as_long_as_the_engine_would_have_left_them() -> None:
    play = Play(Scene(jobs=1, seats=2), Random(0))
    play.work_s, play.makespan_s = 300.0, 1000.0
    play.allocations = [
        Lent("a", 0.0, 100.0, had_until=50.0),
        Lent("b", 100.0, 400.0, had_until=400.0),
        Lent("a", 60.0, 200.0, had_until=200.0),
        Lent("c"),
    ]
    # a: 0-60 and 60-200; b: from 100 on
    assert clairvoyant_s(play) == pytest.approx(200.0)


def test_a_small_run_ends_near_its_bound() -> None:
    found = told(Scene(jobs=120, seats=4, queued=4, wait_s=60.0), seed=1)
    assert 1.0 <= found["makespan_over_clairvoyant"] < 1.25
    assert 0.0 <= found["idle_share"] < 0.1
