"""Figures of a regression against scikit-learn's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.metrics import (
    mean_absolute_error,
    mean_absolute_percentage_error,
    r2_score,
    root_mean_squared_error,
)

from trainers.tabular.evaluation.regression import mean_and_spread, regression_figures


def test_the_figures_are_those_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    truth, predicted = random.normal(3, 1, 100), random.normal(3, 1, 100)
    found = regression_figures(truth, predicted)
    assert found["rmse"] == pytest.approx(root_mean_squared_error(truth, predicted))
    assert found["mae"] == pytest.approx(mean_absolute_error(truth, predicted))
    assert found["r2"] == pytest.approx(r2_score(truth, predicted))
    assert found["mape"] == pytest.approx(100 * mean_absolute_percentage_error(truth, predicted))


def test_shares_within_count_the_bound_and_leave_true_zeros_out() -> None:
    truth = np.array([100.0, 100.0, -100.0, 100.0, 0.0])
    predicted = np.array([101.0, 104.0, -109.0, 150.0, 7.0])
    found = regression_figures(truth, predicted)
    assert (found["within_1"], found["within_5"], found["within_10"]) == (25, 50, 75)
    assert found["mape"] == pytest.approx((1 + 4 + 9 + 50) / 4)


def test_rows_without_a_true_value_are_left_out() -> None:
    found = regression_figures(np.array([1.0, np.nan, 3.0]), np.array([2.0, 100.0, 4.0]))
    assert found["rmse"] == found["mae"] == 1
    nothing = regression_figures(np.array([np.nan]), np.array([1.0]))
    assert nothing.keys() == found.keys() and all(math.isnan(value) for value in nothing.values())


def test_a_constant_target_has_no_r2_and_zeros_no_relative_error() -> None:
    found = regression_figures(np.zeros(3), np.ones(3))
    assert math.isnan(found["r2"]) and math.isnan(found["mape"]) and found["rmse"] == 1


def test_mean_and_spread_over_members() -> None:
    predicted = np.array([[[1.0, 4.0]], [[3.0, 4.0]]])
    mean, spread = mean_and_spread(predicted)
    assert mean.tolist() == [[2.0, 4.0]] and spread.tolist() == [[pytest.approx(math.sqrt(2)), 0.0]]
    assert mean_and_spread(predicted[:1])[1].tolist() == [[0.0, 0.0]]
