"""Slots in time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.core.running.forecast.slots import Slots


def test_a_job_takes_the_slot_that_is_free_first() -> None:
    slots = Slots([5.0, 0.0])
    assert [slots.run(3.0), slots.run(3.0), slots.run(1.0)] == [3.0, 6.0, 6.0]


def test_a_job_waits_for_what_it_needs() -> None:
    slots = Slots([0.0])
    assert slots.run(2.0, not_before=10.0) == 12.0


def test_work_fills_the_slots_to_one_level() -> None:
    slots = Slots([0.0, 4.0, 100.0])
    assert slots.pour(6.0) == (0.0, 5.0)
    assert [slots.run(0.0), slots.run(95.0), slots.run(0.0)] == [5.0, 100.0, 5.0]


def test_work_may_have_to_wait() -> None:
    assert Slots([0.0, 1.0]).pour(4.0, not_before=10.0) == (10.0, 12.0)


@given(st.lists(st.floats(0, 1e4), min_size=1, max_size=20), st.floats(0, 1e6))
def test_no_work_is_lost(free: list[float], work: float) -> None:
    slots = Slots(free)
    begin, level = slots.pour(work)
    assert begin == min(free) and level >= begin
    assert sum(slots._free) - sum(free) == pytest.approx(work, rel=1e-6, abs=1e-6)
