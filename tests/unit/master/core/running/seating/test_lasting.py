from __future__ import annotations

from dataclasses import replace

import pytest

from master.core.planning.plan import Job
from master.core.running.fleet.seats import Seat
from master.core.running.seating.lasting import DRAINED_S, is_fresh, lasts, needed
from tests.unit.master.core.running.seating.pool_stage import HOUR_S, PoolStage
from tests.unit.master.core.running.stage import job

MINUTE_S = 60.0


def seat(left_s: float) -> Seat:
    """A seat at the time 0 whose allocation of an hour ends in so many seconds."""
    return Seat("hpc", ends_at=left_s, up_at=left_s - HOUR_S)


def fits(which: Job, left_s: float, stage: PoolStage | None = None) -> bool:
    return lasts((stage or PoolStage()).state, which, seat(left_s), 0.0)


def test_a_job_that_takes_longer_than_what_is_left_does_not_begin() -> None:
    known = replace(job(), expected_s=20 * MINUTE_S)
    assert fits(known, 20 * MINUTE_S + DRAINED_S)
    assert not fits(known, 20 * MINUTE_S + DRAINED_S - 1)


def test_what_jobs_of_its_kind_took_counts_where_the_user_says_nothing() -> None:
    stage, some = PoolStage(), replace(job(), kind="k")
    stage.state.durations["k"] = (2, 40 * MINUTE_S)
    assert needed(stage.state, some) == pytest.approx(22 * MINUTE_S)
    assert not fits(some, 23 * MINUTE_S, stage)
    assert fits(some, 25 * MINUTE_S, stage)


def test_a_job_runs_no_longer_than_its_timeout() -> None:
    bounded = replace(job(), timeout_s=10 * MINUTE_S)
    assert fits(bounded, 13 * MINUTE_S) and not fits(bounded, 11 * MINUTE_S)
    assert needed(PoolStage().state, replace(bounded, expected_s=HOUR_S)) == 10 * MINUTE_S


def test_a_job_of_which_nothing_is_known_begins_while_a_quarter_is_left() -> None:
    assert fits(job(), 17.1 * MINUTE_S) and not fits(job(), 16 * MINUTE_S)


def test_a_fresh_allocation_takes_what_is_longer_than_any() -> None:
    endless = replace(job(), expected_s=100 * HOUR_S)
    assert fits(endless, HOUR_S) and fits(endless, 54.1 * MINUTE_S)
    assert not fits(endless, 53 * MINUTE_S)


def test_a_short_allocation_is_not_drained_before_it_begins() -> None:
    short = Seat("hpc", ends_at=60.0, up_at=0.0)
    assert is_fresh(short, 30.0) and not is_fresh(short, 31.0)
    some = replace(job(), expected_s=10.0)
    assert lasts(PoolStage().state, some, short, 35.0)
    assert not lasts(PoolStage().state, some, short, 36.0)


def test_without_an_end_everything_lasts() -> None:
    assert lasts(PoolStage().state, replace(job(), expected_s=1e9), Seat("hpc", up_at=0.0), 1e6)
