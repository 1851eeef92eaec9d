"""Tests for jobs that are compared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.core.running.pruning.contest import Contest, Verdict
from master.core.running.pruning.rules import Halving, Median, Rule

ASHA, MEDIAN = Halving(1, 3), Median(1, 1, 2)


def contest(rule: Rule, count: int = 6) -> Contest:
    found = Contest(rule)
    for number in range(count):
        found.enter(f"j{number}")
    return found


def verdict(
    found: Contest, job: str, gone: Collection[str] = (), ended: Collection[str] = ()
) -> Verdict | None:
    return found.verdict(job, lambda name: name not in gone, lambda name: name in ended)


def promoted(found: Contest, stopped: Collection[str], gone: Collection[str] = ()) -> list[str]:
    return list(found.promoted(lambda name: name in stopped, lambda name: name not in gone))


def test_the_first_to_come_goes_on_and_a_worse_one_is_stopped() -> None:
    found = contest(ASHA)
    assert found.reach("j0", (1, 0.5)) == [(1, 0.5)]
    assert verdict(found, "j0") is None
    found.reach("j1", (1, 0.7))
    assert verdict(found, "j1") == Verdict(1, 0.7, "is not among the best 1 of 2")
    found.reach("j2", (1, 0.4))
    assert verdict(found, "j2") is None


def test_one_that_was_stopped_is_promoted_once_it_is_among_the_best() -> None:
    found = contest(ASHA)
    for number, figure in enumerate((0.5, 0.6, 0.7, 0.8, 0.9)):
        found.reach(f"j{number}", (1, figure))
    stopped = {"j1", "j2", "j3", "j4"}
    assert promoted(found, stopped) == []
    found.reach("j5", (1, 0.65))
    assert promoted(found, stopped) == ["j1"]
    assert promoted(found, stopped - {"j1"}) == []


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 4)), max_size=12), st.sets(st.integers(0, 11)))
def test_who_is_promoted_is_whoever_would_not_be_stopped(came: list[tuple[int, int]], lost: set[int]) -> None:
    found, gone = contest(ASHA, len(came)), {f"j{number}" for number in lost}
    for number, reached in enumerate(came):
        found.reach(f"j{number}", reached)
    stopped = {name for number, name in enumerate(found.entrants) if number % 2 and name not in gone}
    assert promoted(found, stopped, gone) == [
        name for name in found.entrants if name in stopped and verdict(found, name, gone) is None
    ]


def test_looking_for_who_may_go_on_asks_little_of_each() -> None:
    found, asked = contest(ASHA, 300), Counter[str]()
    for number in range(300):
        found.reach(f"j{number}", (3, number))

    def counts(name: str) -> bool:
        asked[name] += 1
        return True

    assert len(list(found.promoted(lambda name: True, counts))) == 100
    assert max(asked.values()) == 2, "once for each of two marks"


def test_who_has_failed_takes_no_place() -> None:
    found = contest(ASHA)
    found.reach("j0", (1, 0.5))
    found.reach("j1", (1, 0.7))
    assert promoted(found, {"j1"}) == []
    assert promoted(found, {"j1"}, gone={"j0"}) == ["j1"]


def test_nobody_is_promoted_by_the_median() -> None:
    found = contest(MEDIAN)
    for number, figure in enumerate((0.5, 0.6, 0.9)):
        found.reach(f"j{number}", (1, figure))
    assert verdict(found, "j2") == Verdict(1, 0.9, "is worse than the median of 2 others")
    assert promoted(found, {"j2"}, gone={"j0", "j1"}) == []


def test_reports_that_get_lost_are_put_in_between() -> None:
    found = contest(ASHA)
    assert found.reach("j0", (2, 0.8)) == [(1, 0.8)]
    assert found.reach("j0", (12, 0.3)) == [(3, pytest.approx(0.75)), (9, pytest.approx(0.45))]


def test_figures_of_others_at_a_mark_lie_between_their_own() -> None:
    found = contest(Median(1, 1, 1))
    found.reach("j0", (2, 1.0))
    found.reach("j0", (6, 0.0))
    found.reach("j1", (4, 0.55))
    assert verdict(found, "j1") == Verdict(4, 0.55, "is worse than the median of 1 others")
    found.reach("j2", (4, 0.45))
    assert verdict(found, "j2", gone={"j1"}) is None


def test_who_was_stopped_counts_with_what_it_came_to_last() -> None:
    found = contest(MEDIAN)
    for number, figure in enumerate((0.5, 0.9, 0.8)):
        found.reach(f"j{number}", (1, figure))
    found.reach("j3", (5, 0.7))
    assert verdict(found, "j3", ended={"j1", "j2"}) is None, "better than the median of 0.9 and 0.8"
    found.reach("j4", (5, 0.85))
    assert verdict(found, "j4", ended={"j1", "j2"}) is not None, "the median of 0.7, 0.8 and 0.9"


def test_an_attempt_from_the_start_does_not_change_what_was_reached() -> None:
    found = contest(ASHA)
    found.reach("j0", (3, 0.5))
    assert found.reach("j0", (1, 0.1)) == []
    assert found.reach("j0", (9, 0.1)) == [(9, 0.1)]
    assert found.entrants["j0"].figures == [0.5, 0.5, 0.1]


def test_what_was_said_before_is_not_heard_again() -> None:
    found = contest(ASHA)
    found.reach("j0", (3, 0.5))
    assert found.reach("j0", (3, 0.4)) == []
    assert found.reach("j0", (2, 0.4)) == []


def test_the_best_so_far_counts() -> None:
    found = contest(ASHA)
    found.reach("j0", (1, 0.5))
    assert found.reach("j0", (3, 0.9)) == [(3, 0.5)]


def test_a_journal_makes_the_same_contest() -> None:
    found, again = contest(ASHA), contest(ASHA)
    for name, step, figure in [("j0", 1, 0.5), ("j1", 2, 0.7), ("j0", 4, 0.4), ("j2", 9, 0.45)]:
        for mark in found.reach(name, (step, figure)):
            again.note(name, *mark)
    again.note("j0", 2, 0.0)
    assert [(one.marks, one.figures) for one in again.entrants.values()] == [
        (one.marks, one.figures) for one in found.entrants.values()
    ]
    again.let_pass("j0")
    again.let_pass("j2", 3)
    assert [again.entrants[name].passed for name in ("j0", "j1", "j2")] == [2, 0, 1]


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 30), st.floats(-5, 5)), max_size=60),
    st.sampled_from([ASHA, MEDIAN]),
)
def test_somebody_always_goes_on(said: list[tuple[int, int, float]], rule: Rule) -> None:
    found, stopped = contest(rule), set[str]()
    for number, step, figure in said:
        name = f"j{number}"
        if name not in stopped and found.reach(name, (step, figure)) and verdict(found, name, (), stopped):
            stopped.add(name)
        stopped -= set(promoted(found, stopped))
    came = {name for name, entrant in found.entrants.items() if entrant.marks}
    assert not came or came - stopped
