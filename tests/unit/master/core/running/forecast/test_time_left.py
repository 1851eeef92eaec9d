"""How long a run still takes, as a range."""

from __future__ import annotations

from random import Random

import pytest

from master.core.running.forecast.future import Kind, Work
from master.core.running.forecast.time_left import TimeLeft, time_left

BASE, ONE, OTHER = (1, ""), (2, "one"), (2, "other")


def seen(kind: Kind, *seconds: float) -> dict[Kind, list[tuple[float, float]]]:
    return {kind: [(1e6 - number, each) for number, each in enumerate(seconds)]}


def left(work: Work, *known: dict[Kind, list[tuple[float, float]]], phase: int = 2) -> TimeLeft | None:
    together = {kind: values for each in known for kind, values in each.items()}
    return time_left(work, together, Random(0).random)[phase]


def test_the_range_holds_the_middle_and_repeats_itself() -> None:
    work = Work([(ONE, 5.0)], {ONE: 20}, {}, 4)
    found = left(work, seen(ONE, 8.0, 10.0, 12.0, 9.0))
    assert found is not None and 0 < found.low_s < found.middle_s < found.high_s
    assert found.middle_s == pytest.approx(52.0, rel=0.2)
    assert left(work, seen(ONE, 8.0, 10.0, 12.0, 9.0)) == found


def test_more_observations_make_the_range_narrow() -> None:
    def width(count: int) -> float:
        found = left(Work([], {ONE: 200}, {}, 4), seen(ONE, *[8.0, 12.0] * count))
        assert found is not None
        return found.high_s - found.low_s

    assert width(2) > 2 * width(50)


def test_without_slots_or_durations_nothing_is_said() -> None:
    assert left(Work([], {ONE: 3}, {}, 0), seen(ONE, 5.0)) is None
    assert left(Work([], {ONE: 3}, {}, 2)) is None
    assert time_left(Work([], {BASE: 1}, {ONE: 3}, 2), {}, Random(0).random) == {1: None, 2: None}


def test_base_models_are_told_before_anything_is_known_of_experiments() -> None:
    work = Work([], {BASE: 4}, {ONE: 3}, 2)
    assert left(work, seen(BASE, 10.0, 10.0, 10.0)) is None
    base = left(work, seen(BASE, 10.0, 10.0, 10.0), phase=1)
    assert base is not None and base.low_s < 20.0 < base.high_s


def test_a_kind_of_which_nothing_is_known_leaves_much_open() -> None:
    known, unknown = Work([], {ONE: 20}, {}, 2), Work([], {OTHER: 20}, {}, 2)
    sure, guess = left(known, seen(ONE, *[10.0] * 9)), left(unknown, seen(ONE, *[10.0] * 9))
    assert sure is not None and guess is not None
    assert guess.high_s - guess.low_s > 4 * (sure.high_s - sure.low_s)


def test_each_kind_goes_by_its_own() -> None:
    work = Work([], {ONE: 10, OTHER: 10}, {}, 1)
    found = left(work, seen(ONE, *[1.0] * 9), seen(OTHER, *[100.0] * 9))
    assert found is not None and found.middle_s == pytest.approx(1010.0, rel=0.1)


def test_time_passes() -> None:
    assert TimeLeft(5.0, 10.0, 20.0).after(7.0) == TimeLeft(0.0, 3.0, 13.0)
