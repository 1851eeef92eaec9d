"""Quantiles: equal to scikit-learn's transformer, and back to the values that they came from."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.preprocessing import QuantileTransformer

from trainers.tabular.data.quantiles import NOISE, fit_quantiles, from_normal, to_normal


def values(n: int = 400) -> np.ndarray:
    rng = np.random.default_rng(3)
    return np.stack([rng.lognormal(size=n), rng.integers(0, 4, n).astype(float), rng.normal(size=n)], axis=1)


def test_normal_values_are_those_of_scikit_learn() -> None:
    x = values()
    reference = QuantileTransformer(n_quantiles=13, output_distribution="normal", subsample=None)
    reference.fit(x + np.random.default_rng(0).normal(0.0, NOISE, x.shape))
    other = np.concatenate([values(50) * 3 - 2, x])
    found = to_normal(torch.from_numpy(other), fit_quantiles(torch.from_numpy(x)))
    np.testing.assert_allclose(found.numpy(), reference.transform(other), atol=1e-9)


def test_values_come_back() -> None:
    x = torch.from_numpy(values())[:, :1]
    quantiles = fit_quantiles(x)
    inner = x[(x[:, 0] > quantiles[0, 0]) & (x[:, 0] < quantiles[-1, 0])]
    back = from_normal(to_normal(inner, quantiles)[:, 0], quantiles[:, 0])
    torch.testing.assert_close(back, inner[:, 0], rtol=1e-9, atol=1e-9)


def test_one_value_is_its_own_quantile() -> None:
    quantiles = fit_quantiles(torch.tensor([[2.0]], dtype=torch.float64))
    assert torch.isfinite(to_normal(torch.tensor([[1.0], [3.0]], dtype=torch.float64), quantiles)).all()
