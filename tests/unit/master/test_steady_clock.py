"""The time of a run goes on, whatever happens to the machine's clock."""

from __future__ import annotations

import time

import pytest

from master import steady_clock


@pytest.mark.parametrize("jump_s", [-3600.0, 3600.0])
def test_setting_the_clock_changes_nothing(monkeypatch: pytest.MonkeyPatch, jump_s: float) -> None:
    before, wall = steady_clock.now(), time.time()
    monkeypatch.setattr(time, "time", lambda: wall + jump_s)
    assert 0.0 <= steady_clock.now() - before < 60.0


def test_it_is_the_time_of_day_where_nobody_sets_the_clock() -> None:
    assert abs(steady_clock.now() - time.time()) < 60.0
