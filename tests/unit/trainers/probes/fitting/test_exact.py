"""The exact solver, against scikit-learn."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from tests.unit.trainers.probes.data import Arrays, gaussian_classes, layer_of
from trainers.probes.fitting.exact import ExactSolver, Solution
from trainers.probes.settings import Settings


def solve(arrays: Arrays, settings: Settings, probes: list[int]) -> dict[int, Solution]:
    solver = ExactSolver(layer_of(arrays, settings), settings, probes)
    return {one.probe: one for _, done in solver.run() for one in done}


def objective(
    x: NDArray, y: NDArray, weight: NDArray, intercept: float, inverse: float, positive: float
) -> float:
    logits = x.astype("float64") @ weight + intercept
    losses = np.logaddexp(0, np.where(y, -logits, logits)) * np.where(y, positive, 1)
    return float(inverse * losses.sum() + weight @ weight / 2)


@pytest.mark.slow
@hypothesis_settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10**6),
    features=st.integers(1, 12),
    rows=st.integers(8, 80),
    inverse=st.sampled_from([0.01, 1.0, 100.0]),
    positive=st.sampled_from([1.0, 3.0]),
    spread=st.sampled_from([0.0, 3.0]),
)
def test_objectives_are_no_worse_than_those_of_scikit_learn(
    seed: int, features: int, rows: int, inverse: float, positive: float, spread: float
) -> None:
    arrays = gaussian_classes(seed, 4, features, (rows, 8, 8))
    scales = np.exp(spread * np.random.default_rng(seed).normal(size=features))
    arrays["train"] = (arrays["train"][0] * scales + 1, arrays["train"][1])
    settings = Settings(solver="exact", dtype="float64", C=inverse, tol=1e-8, pos_weight=positive)
    x, labels = arrays["train"]
    for probe, mine in solve(arrays, settings, [0, 1, 2, 3]).items():
        y = labels == probe
        with warnings.catch_warnings():
            # Badly scaled features are too much for scikit-learn at times; ours must be no worse even so.
            warnings.simplefilter("ignore", ConvergenceWarning)
            model = LogisticRegression(C=inverse, tol=1e-8, max_iter=5000)
            model.fit(x, y, np.where(y, positive, 1.0))
        theirs = objective(x, y, model.coef_[0], float(model.intercept_[0]), inverse, positive)
        found = objective(x, y, mine.weight_D.numpy(), mine.intercept, inverse, positive)
        assert mine.objective == pytest.approx(found, rel=1e-9)
        assert mine.converged
        nothing_learnt = objective(x, y, np.zeros(features), 0.0, inverse, positive)
        assert found <= theirs * (1 + 1e-8) + 1e-10 * nothing_learnt


def test_coefficients_equal_those_of_scikit_learn() -> None:
    arrays = gaussian_classes(4, 3, 6, (200, 9, 9))
    settings = Settings(solver="exact", dtype="float64", tol=1e-11)
    x, labels = arrays["train"]
    for probe, mine in solve(arrays, settings, [0, 2]).items():
        model = LogisticRegression(tol=1e-11, max_iter=5000).fit(x.astype("float64"), labels == probe)
        np.testing.assert_allclose(mine.weight_D, model.coef_[0], atol=1e-6)
        assert mine.intercept == pytest.approx(float(model.intercept_[0]), abs=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_reduced_precision_reaches_the_minimum_of_what_it_is_given(dtype: str) -> None:
    arrays = gaussian_classes(7, 5, 40, (600, 10, 10))
    arrays["train"] = ((arrays["train"][0] * 8).round() / 8, arrays["train"][1])
    exact = Settings(solver="exact", dtype="float64", tol=1e-9)
    reference = solve(arrays, exact, [1, 3])
    for probe, mine in solve(arrays, replace(exact, dtype=dtype, tol=1e-5), [1, 3]).items():
        assert mine.objective == pytest.approx(reference[probe].objective, rel=1e-3)


def test_a_probe_does_not_depend_on_what_is_solved_beside_it() -> None:
    settings = Settings(solver="exact", dtype="float64", tol=1e-3)
    arrays = gaussian_classes(6, 5, 30, (300, 9, 9))
    arrays["train"] = (arrays["train"][0], np.minimum(arrays["train"][1] ** 2, 4))
    whole, part = solve(arrays, settings, [0, 1, 4]), solve(arrays, settings, [1])
    assert whole[1].iterations == part[1].iterations
    np.testing.assert_allclose(whole[1].weight_D, part[1].weight_D, rtol=0, atol=1e-10)


def test_constant_and_repeated_features_are_no_obstacle() -> None:
    arrays = gaussian_classes(1, 3, 5, (60, 9, 9))
    x, labels = arrays["train"]
    arrays["train"] = (np.column_stack([x, x[:, :2], np.full(len(x), 1e4, "float32")]), labels)
    settings = Settings(solver="exact", C=1e6, max_iter=2000, tol=1e-4)
    assert all(one.converged for one in solve(arrays, settings, [0, 1, 2]).values())


def test_running_out_of_iterations_is_said() -> None:
    settings = Settings(solver="exact", dtype="float64", tol=1e-12, max_iter=2)
    (found,) = solve(gaussian_classes(2), settings, [1]).values()
    assert not found.converged
    assert found.iterations == 2
