"""Tests for the rules by which jobs go on."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.core.running.pruning.rules import Halving, Median, rule_of
from master.specs import ASHA, MEDIAN, PruneSpec

_FIGURES = st.lists(st.floats(-100, 100), max_size=30)


def test_rungs_grow_by_eta_from_the_first() -> None:
    assert list(Halving(2, 3).marks(0, 60)) == [2, 6, 18, 54]
    assert list(Halving(2, 3).marks(6, 18)) == [18]
    assert not list(Halving(2, 3).marks(6, 17.5))


def test_a_step_beyond_all_measure_has_few_rungs() -> None:
    assert len(list(Halving(1, 2).marks(0, 1.7e308))) == 1024


@pytest.mark.parametrize(("upto", "marks"), [(3, []), (4, [4]), (5, [4]), (6, [6]), (1e308, None), (9, [8])])
def test_the_median_is_asked_at_the_last_mark_that_is_reached(upto: float, marks: list[float] | None) -> None:
    found = list(Median(4, 2, 5).marks(0, upto))
    assert found == marks if marks is not None else len(found) == 1


def test_a_mark_is_reached_once() -> None:
    assert not list(Median(4, 2, 5).marks(6, 7))


def test_worse_than_the_median_of_enough_others_is_stopped() -> None:
    rule = Median(1, 1, 3)
    assert rule.holds(9, [1, 2]), "too few others"
    assert rule.holds(2, [1, 2, 3])
    assert not rule.holds(2.1, [1, 2, 3])
    assert rule.says([1, 2, 3]) == "is worse than the median of 3 others"


def test_one_of_eta_goes_on_and_the_best_always() -> None:
    rule = Halving(1, 3)
    assert rule.holds(5, []), "the first to come"
    assert not rule.holds(5, [4])
    assert rule.holds(5, [4, 6, 7, 8, 9]), "the second of six"
    assert not rule.holds(5, [4, 6, 7, 8]), "the second of five"
    assert rule.says([4, 6, 7, 8]) == "is not among the best 1 of 5"


@given(_FIGURES.filter(bool), st.integers(2, 5))
def test_of_figures_that_differ_as_many_go_on_as_there_are_places(figures: list[float], eta: int) -> None:
    different = sorted(set(figures))
    rule = Halving(1, eta)
    on = [own for own in different if rule.holds(own, [other for other in different if other != own])]
    assert on == different[: max(1, len(different) // eta)]


@given(_FIGURES, st.floats(-100, 100), st.floats(0, 10))
def test_what_is_no_worse_goes_on_where_another_does(figures: list[float], own: float, more: float) -> None:
    for rule in (Halving(1, 3), Median(1, 1, 3)):
        assert rule.holds(own, figures) or not rule.holds(own + more, figures)


@given(st.integers(1, 9), st.integers(2, 5), st.floats(0, 500), st.floats(0, 500))
def test_marks_lie_between_and_grow(least: int, eta: int, after: float, upto: float) -> None:
    for rule in (Halving(least, eta), Median(least, eta, 1)):
        marks = list(rule.marks(after, upto))
        assert all(after < mark <= upto for mark in marks)
        assert all(one < other for one, other in pairwise(marks))


def test_the_rule_that_a_file_asks_for() -> None:
    assert rule_of(PruneSpec(ASHA, "val_loss", least_steps=4, eta=2)) == Halving(4, 2)
    assert rule_of(PruneSpec(MEDIAN, "f1", least_steps=4, every=2, least_jobs=7)) == Median(4, 2, 7)
