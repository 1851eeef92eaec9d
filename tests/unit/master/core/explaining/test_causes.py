"""Whether waiting helps."""

from __future__ import annotations

import pytest

from master.core.explaining.causes import LASTING, Cause, Hindrance, Obstacle, Why


@pytest.mark.parametrize("obstacle", Obstacle)
def test_a_cause_lasts_where_every_worker_has_an_obstacle_that_does(obstacle: Obstacle) -> None:
    labels = Hindrance("w1", Obstacle.LABELS, "big")
    cause = Cause(Why.NO_ROOM, hindrances=(labels, Hindrance("w2", obstacle)))
    assert cause.lasts is (obstacle in LASTING)


def test_without_any_worker_nothing_lasts() -> None:
    assert not Cause(Why.NO_ROOM).lasts
