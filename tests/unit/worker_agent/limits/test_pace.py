"""How soon is looked again."""

from __future__ import annotations

import pytest

from worker_agent.limits.pace import CALM_S, LATEST_S, SOONEST_S, pause_s, until_next_s


@pytest.mark.parametrize(
    ("allowed", "before", "used", "seconds"),
    [
        (None, 0, 10, CALM_S),
        (100, 0, None, CALM_S),
        (100, 50, 50, CALM_S),
        (100, 60, 50, CALM_S),
        (10_000, 0, 10, CALM_S),
        (100, 40, 60, 0.25),
        (100, 0, 99, SOONEST_S),
        (100, 50, 110, SOONEST_S),
    ],
)
def test_before_a_limit_is_reached(
    allowed: int | None, before: int, used: int | None, seconds: float
) -> None:
    assert until_next_s(allowed, before, used, 0.25) == seconds


def test_looking_takes_at_most_a_twentieth_of_a_core_but_is_never_given_up() -> None:
    assert pause_s(0.5, 0.001) == 0.5
    assert pause_s(0.05, 0.02) == pytest.approx(0.38)
    assert pause_s(0.5, 60.0) == LATEST_S
