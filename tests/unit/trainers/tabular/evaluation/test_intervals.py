"""Intervals over seeds and bootstraps over groups."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import bootstrap as scipy_bootstrap
from scipy.stats import t

from trainers.tabular.evaluation.intervals import bootstrap, interval


def test_the_interval_is_students() -> None:
    values = [1.0, 2.0, 4.0, 5.0]
    found = interval(values)
    low, high = t.interval(0.95, 3, loc=np.mean(values), scale=np.std(values, ddof=1) / 2)
    assert (found.mean - found.half, found.mean + found.half) == pytest.approx((low, high))


def test_one_value_has_no_interval() -> None:
    found = interval([2.0])
    assert found.mean == 2.0 and math.isnan(found.half)
    assert found.as_json() == {"mean": 2.0, "half": None}


def test_groups_of_one_row_give_the_bootstrap_of_the_mean() -> None:
    values = np.random.default_rng(0).normal(size=200)
    low, high = bootstrap(lambda rows: {"mean": values[rows].mean()}, np.arange(200), draws=2000)["mean"]
    theirs = scipy_bootstrap((values,), np.mean, method="percentile", n_resamples=2000, rng=1)
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.02)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.02)


def test_rows_of_one_group_stay_together() -> None:
    groups = np.array([3, 1, 3, 2, 1, 3])
    drawn: list[np.ndarray] = []

    def figure(rows: np.ndarray) -> dict[str, float]:
        drawn.append(rows)
        return {}

    bootstrap(figure, groups, draws=20)
    assert len(drawn) == 20
    for rows in drawn:
        counts = np.bincount(rows, minlength=6)
        assert all(len(set(counts[groups == group])) == 1 for group in (1, 2, 3))
        assert sum(counts[np.unique(groups, return_index=True)[1]]) == 3


def test_the_bootstrap_of_few_groups_is_wider_than_that_of_their_rows() -> None:
    random = np.random.default_rng(1)
    groups = np.repeat(np.arange(10), 50)
    values = random.normal(size=10)[groups] + 0.1 * random.normal(size=500)

    def mean(rows: np.ndarray) -> dict[str, float]:
        return {"mean": float(values[rows].mean())}

    of_groups, of_rows = bootstrap(mean, groups)["mean"], bootstrap(mean, np.arange(500))["mean"]
    assert of_groups[1] - of_groups[0] > 3 * (of_rows[1] - of_rows[0])


def test_draws_without_a_figure_do_not_count_and_one_group_has_no_bootstrap() -> None:
    calls = iter([float("nan"), 1.0, float("inf"), 2.0])
    found = bootstrap(lambda rows: {"a": next(calls), "b": float("nan")}, np.arange(5), draws=4)
    assert found["a"] == pytest.approx((1.025, 1.975))
    assert all(math.isnan(one) for one in found["b"])
    assert bootstrap(lambda rows: {"a": 1.0}, np.zeros(5, np.int64)) == {}
