"""One future of a run."""

from __future__ import annotations

from random import Random

import pytest

from master.core.running.forecast.durations import Durations
from master.core.running.forecast.future import Kind, Work, ends_of

TRAINING, SHORT, LONG = (1, ""), (2, "short"), (2, "long")


def sure(seconds: float) -> Durations:
    """Return a duration that is known well."""
    return Durations([seconds], [1.0], seconds, 1e6)


SEEN = {TRAINING: sure(100.0), SHORT: sure(10.0), LONG: sure(50.0)}


def ends(
    ready: dict[Kind, int],
    waiting: dict[Kind, int] | None = None,
    running: tuple[tuple[Kind, float], ...] = (),
    slots: int = 2,
    **more: float,
) -> tuple[float, float]:
    work = Work(running, ready, waiting or {}, slots, **more)  # type: ignore[arg-type]
    return ends_of(work, SEEN, Random(0).random)


def test_nothing_to_do_takes_no_time() -> None:
    assert ends({}) == (0.0, 0.0)


def test_jobs_share_the_slots() -> None:
    assert ends({SHORT: 4})[1] == pytest.approx(20.0, rel=0.01)
    assert ends({SHORT: 5})[1] == pytest.approx(30.0, rel=0.01)
    assert ends({SHORT: 5}, slots=5)[1] == pytest.approx(10.0, rel=0.01)


def test_what_runs_takes_the_rest_of_its_time() -> None:
    assert ends({SHORT: 1}, running=((LONG, 40.0), (LONG, 10.0)))[1] == pytest.approx(40.0, rel=0.05)


def test_experiments_wait_for_their_base_models() -> None:
    base, last = ends({TRAINING: 2}, {SHORT: 4})
    assert base == pytest.approx(100.0, rel=0.01) and last == pytest.approx(120.0, rel=0.01)


def test_what_needs_no_training_fills_the_other_slots_unless_phases_are_strict() -> None:
    assert ends({TRAINING: 1, SHORT: 5})[1] == pytest.approx(50.0, rel=0.01)
    assert ends({TRAINING: 1, SHORT: 4}, strict=True)[1] == pytest.approx(120.0, rel=0.01)


def test_the_way_between_two_jobs_counts() -> None:
    assert ends({SHORT: 10}, slots=1, between_s=1.0)[1] == pytest.approx(110.0, rel=0.01)


def test_many_jobs_are_shared_out_as_work() -> None:
    assert ends({SHORT: 60_000, LONG: 20_000}, slots=16)[1] == pytest.approx(1.6e6 / 16, rel=0.02)
    base, last = ends({TRAINING: 100}, {SHORT: 10_000}, slots=10)
    assert base == pytest.approx(1000.0, rel=0.05)
    assert last == pytest.approx(11_000.0, rel=0.05)
