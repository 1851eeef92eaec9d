"""Which lines tell of a job."""

from __future__ import annotations

import pytest

from master.web.indexes import trail as module
from master.web.indexes.trail import Trail


def test_numbers_of_a_job_the_oldest_first() -> None:
    trail = Trail()
    for number, job_id in ((5, "a"), (6, "b"), (7, "a"), (20, "b"), (21, "a")):
        trail.add(number, job_id)
    assert (trail.of("a"), trail.of("b"), trail.of("c")) == ([5, 7, 21], [6, 20], [])


def test_of_a_long_history_the_last_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LINES", 3)
    trail = Trail()
    for number in range(1, 10):
        trail.add(number, "a")
    assert trail.of("a") == [7, 8, 9]


def test_numbers_that_jump_or_fall_cost_nothing() -> None:
    trail = Trail()
    trail.add(1, "a")
    trail.add(2**62, "a")
    trail.add(7, "a")
    assert trail.of("a") == [1, 2**62]
