"""The same seed is the same chaos, and no kind of fault is forgotten."""

from __future__ import annotations

from itertools import islice

from tests.chaos.schedule import Planned, schedule

KINDS = [f"kind_{number}" for number in range(10)]


def first(seed: int, count: int = 40) -> list[Planned]:
    return list(islice(schedule(seed, KINDS, 3), count))


def test_a_seed_gives_the_same_faults_and_another_others() -> None:
    assert first(1) == first(1) != first(2)


def test_every_kind_comes_once_before_any_comes_again() -> None:
    found = [planned.kind for planned in first(3)]
    assert [sorted(found[start : start + 10]) for start in (0, 10, 20, 30)] == [KINDS] * 4
    assert found[:10] != found[10:20]


def test_every_worker_is_hit() -> None:
    assert {planned.worker for planned in first(4)} == {0, 1, 2}
