from __future__ import annotations

import pytest

from benchmarks.seat_packings import Window, blind, least_s

WINDOWS = [Window(0.0, 60.0), Window(60.0, 200.0), Window(100.0, 400.0)]


def test_the_least_time_fills_all_windows() -> None:
    assert least_s(WINDOWS, 1, 300.0, 1000.0) == pytest.approx(200.0)
    assert least_s(WINDOWS, 2, 600.0, 1000.0) == pytest.approx(200.0)


def test_jobs_begin_in_their_order_whenever_a_slot_is_free() -> None:
    packed = blind([Window(0.0, 1000.0), Window(5.0, 1000.0)], 1, [10.0, 20.0, 10.0])
    # the first seat 0-10 and 10-20, the second 5-25
    assert packed.makespan_s == 25.0 and packed.idle_share == pytest.approx(0.0)


def test_a_seat_is_idle_while_one_of_its_slots_works_alone() -> None:
    packed = blind([Window(0.0, 1000.0)], 2, [10.0, 30.0])
    assert (packed.makespan_s, packed.idle_share) == (30.0, pytest.approx(1 / 3))


def test_a_job_that_a_window_cuts_goes_on_in_the_next_one() -> None:
    packed = blind([Window(0.0, 10.0), Window(30.0, 100.0)], 1, [25.0])
    assert packed.makespan_s == 45.0
