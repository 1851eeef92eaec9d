"""Each job is compared with itself alone."""

from __future__ import annotations

import pytest

from worker_agent.core.packing.paces import SILENT_S, Paces, Throughput

A, B, C = ("a", 1), ("b", 1), ("c", 1)


def go(paces: Paces, at: float, **rates: float) -> float:
    """Let these jobs report from a time on until their paces are told; return when that was."""
    for moment in (at, at + 1, at + 2, at + 3, at + 4):
        for name, rate in rates.items():
            paces.report((name, 1), rate * moment, moment)
    return at + 4


def test_two_that_go_at_most_of_the_pace_of_one_get_more_done() -> None:
    paces = Paces()
    paces.may_work(A)
    at = go(paces, 1.0, a=1.0)
    assert paces.number == 1 and paces.knows(1) and not paces.knows(3)
    paces.may_work(B)
    paces.report(B, 0.0, at)
    for passed in (0.0, 1.0, 2.0, 3.0):
        paces.report(A, at + 0.8 * passed, at + passed)
    assert paces.gain(1, 2) == pytest.approx(1.6)
    assert paces.gain(2, 3) is None


def test_epochs_of_one_job_are_not_compared_with_those_of_another() -> None:
    paces = Paces()
    at = go(paces, 1.0, a=1.0)
    paces.report(B, 0.0, at)
    at = go(paces, at, a=0.5, b=100.0)
    assert paces.gain(1, 2) == pytest.approx(1.0)


def test_what_passes_while_a_job_has_not_spoken_yet_is_no_measure() -> None:
    paces = Paces()
    paces.may_work(A)
    paces.report(A, 0.0, 0.0)
    paces.may_work(B)
    paces.report(A, 3.0, 3.0)
    paces.report(A, 9.0, 9.0)
    assert not paces.knows(1)


def test_a_job_that_never_speaks_counts_for_none_after_a_while() -> None:
    paces = Paces()
    paces.report(A, 0.0, 0.0)
    paces.may_work(B)
    for moment in (1.0, 5.0, *(5.0 + SILENT_S + second for second in range(6))):
        paces.report(A, moment, moment)
    assert paces.knows(1)


def test_a_clock_that_is_put_back_costs_no_more_than_the_pace_so_far() -> None:
    paces = Paces()
    paces.report(A, 0.0, 3600.0)
    for second in range(1, 6):
        paces.report(A, float(second), float(second))
    assert paces.knows(1)


def test_a_job_that_begins_anew_is_measured_anew() -> None:
    paces = Paces()
    paces.report(A, 10.0, 0.0)
    paces.report(A, 2.0, 1.0)
    for second in (2, 3, 4):
        paces.report(A, second + 1, second)
    assert paces.knows(1)
    paces.report(B, 0.0, 4.0)
    go(paces, 5.0, a=1.0, b=1.0)
    assert paces.gain(1, 2) == pytest.approx(2.0)


def test_one_job_tells_of_many_only_where_it_leaves_no_doubt() -> None:
    for rate, told in ((0.8, None), (0.5, 0.5 * 4 / 3)):
        paces = Paces()
        at = go(paces, 1.0, a=1.0, b=1.0, c=1.0)
        paces.report(("d", 1), 0.0, at)
        for passed in (0.0, 1.0, 2.0, 3.0):
            paces.report(A, rate * passed, at + passed)
        gain = paces.gain(3, 4)
        assert gain is None if told is None else gain == pytest.approx(told)


def test_what_was_learned_is_forgotten() -> None:
    paces = Paces()
    at = go(paces, 1.0, a=1.0)
    paces.report(B, 0.0, at)
    go(paces, at, a=1.0, b=1.0)
    paces.forget()
    assert paces.gain(1, 2) is None and not paces.knows(1)
    paces.leave(B)
    paces.leave(C)
    assert paces.number == 1


def test_what_all_make_together_is_counted_where_jobs_are_too_short() -> None:
    together = Throughput()
    for allowed, each_s in ((1, 10.0), (2, 4.0)):
        for number in range(8):
            together.add(5.0)
            together.end(allowed, 1000.0 * allowed + each_s * number)
    assert together.knows(1) and together.gain(1, 2) == pytest.approx(2.5)
    assert together.gain(2, 3) is None
    together.forget()
    assert not together.knows(1)


def test_numbers_nearby_tell_too() -> None:
    paces = Paces()
    at = go(paces, 1.0, a=1.0)
    for name in "bc":
        paces.report((name, 1), 0.0, at)
    go(paces, at, a=1.0, b=1.0, c=1.0)
    assert paces.gain(2, 3) == pytest.approx(1.5)
    assert paces.gain(1, 3) == pytest.approx(3.0)
