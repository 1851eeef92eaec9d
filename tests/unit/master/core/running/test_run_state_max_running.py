"""A run that is to use less than its workers have."""

from __future__ import annotations

from master.core.running.policy import Policy
from tests.unit.master.core.running.stage import Stage, job


def test_no_more_than_so_many_attempts_are_given_out_at_a_time() -> None:
    run = Stage(job("a"), job("b"), job("c"), workers=["w1", "w2"], policy=Policy(max_running=2))
    assert run.up("w1", slots=4) == [
        *("a assign#1@w1: assigned", "b assign#1@w1: assigned"),
        *("start a#1@w1", "start b#1@w1"),
    ]
    assert run.up("w2", slots=4) == []
    run.started("w1", "a", 1)
    assert "c assign#1@w2: assigned" in run.ended("w1", "a", 1)
