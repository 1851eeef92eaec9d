"""Coverage and pulls."""

from __future__ import annotations

import math

import numpy as np
import pytest

from trainers.tabular.evaluation.conformal import Conformal
from trainers.tabular.evaluation.coverage import coverage, coverages, pull_figures, pulls


def test_the_coverage_counts_the_ends_and_leaves_missing_values_out() -> None:
    truth = np.array([[0.0, np.nan], [1.0, np.nan], [2.5, np.nan], [np.nan, np.nan]])
    found = coverage(truth, np.zeros((4, 2)), np.full((4, 2), 1.0))
    assert found[0] == pytest.approx(2 / 3) and math.isnan(found[1])


def test_the_coverage_on_the_calibration_rows_is_at_least_the_level() -> None:
    truth = np.random.default_rng(0).normal(size=(999, 2))
    zeros = np.zeros_like(truth)
    found = coverages(Conformal.fit(truth, zeros), truth, zeros)
    assert [found[level].round(2).tolist() for level in (0.68, 0.90, 0.95)] == [
        [0.68, 0.68],
        [0.90, 0.90],
        [0.95, 0.95],
    ]


def test_pulls_of_a_right_deviation_have_width_one() -> None:
    random = np.random.default_rng(0)
    sigma = random.uniform(0.5, 3, 20_000)
    truth = sigma * random.normal(size=20_000)
    found = pull_figures(pulls(truth, np.zeros(20_000), sigma))
    assert found["pull_mean"] == pytest.approx(0, abs=0.03)
    assert found["pull_sd"] == pytest.approx(1, abs=0.02)


def test_rows_without_a_deviation_or_a_true_value_have_no_pull() -> None:
    found = pulls(np.array([1.0, 2.0, np.nan]), np.zeros(3), np.array([0.0, 4.0, 1.0]))
    assert found.tolist() == [0.5]
    assert all(math.isnan(value) for value in pull_figures(found).values())
