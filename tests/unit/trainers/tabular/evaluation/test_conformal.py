"""Split conformal intervals, against the ones of mapie and against what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

from trainers.tabular.evaluation.conformal import LEVELS, Conformal, score_quantile


class Fixed(RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """A fitted regressor that predicts twice its only input."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Fixed:
        self.fitted_ = True
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return 2 * X[:, 0]


@pytest.mark.parametrize("rows", [60, 199, 1000])
def test_the_intervals_are_those_of_mapie(rows: int) -> None:
    mapie = pytest.importorskip("mapie.regression")
    random = np.random.default_rng(rows)
    X, fresh = random.normal(size=(rows, 1)), random.normal(size=(20, 1))
    y = 2 * X[:, 0] + random.normal(size=rows)
    theirs = mapie.SplitConformalRegressor(Fixed().fit(X, y), confidence_level=list(LEVELS), prefit=True)
    _, expected = theirs.conformalize(X, y).predict_interval(fresh)
    ours = Conformal.fit(y[:, None], 2 * X)
    for place, level in enumerate(LEVELS):
        low, high = ours.interval(2 * fresh, level)
        assert low[:, 0] == pytest.approx(expected[:, 0, place])
        assert high[:, 0] == pytest.approx(expected[:, 1, place])


def test_the_quantile_is_the_smallest_score_that_promises_the_level() -> None:
    scores = np.arange(1.0, 20.0)
    assert score_quantile(scores, 0.90) == 18
    assert score_quantile(scores, 0.95) == 19
    assert math.isinf(score_quantile(scores[:18], 0.95))
    assert math.isinf(score_quantile(np.zeros(0), 0.5))


def test_the_mean_coverage_is_what_is_promised() -> None:
    random = np.random.default_rng(0)
    covered = {level: [] for level in LEVELS}
    for _ in range(200):
        known, fresh = random.normal(size=(200, 1)), random.normal(size=(500, 1))
        fitted = Conformal.fit(known, np.zeros_like(known))
        for level in LEVELS:
            low, high = fitted.interval(np.zeros_like(fresh), level)
            covered[level].append(np.mean((fresh >= low) & (fresh <= high)))
    for level, shares in covered.items():
        assert np.mean(shares) == pytest.approx(level, abs=0.01)


def test_each_target_has_its_width_and_rows_without_a_true_value_are_left_out() -> None:
    truth = np.stack([np.arange(100.0), 10 * np.arange(100.0)], 1)
    truth[50:, 0] = np.nan
    half = Conformal.fit(truth, np.zeros_like(truth)).half(0.90)
    assert half.tolist() == [45, 900]


def test_what_is_saved_is_what_is_read() -> None:
    fitted = Conformal.fit(np.arange(10.0)[:, None], np.zeros((10, 1)))
    assert math.isinf(fitted.half(0.95)[0])
    read = Conformal.from_json(fitted.as_json())
    assert read.levels == fitted.levels and (read.half_LT == fitted.half_LT).all()


def test_a_level_that_was_not_fitted_is_an_error() -> None:
    with pytest.raises(ValueError):
        Conformal.fit(np.zeros((10, 1)), np.zeros((10, 1))).half(0.5)
