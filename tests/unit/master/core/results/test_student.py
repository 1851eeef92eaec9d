"""Quantiles of Student's t are SciPy's."""

from __future__ import annotations

import pytest
from scipy import stats

from master.core.results.student import t_quantile


@pytest.mark.parametrize("freedom", [1, 2, 3, 4, 7, 9, 29, 100, 10_000])
@pytest.mark.parametrize("confidence", [0.5, 0.68, 0.9, 0.95, 0.99, 0.999])
def test_quantiles_are_those_of_scipy(freedom: int, confidence: float) -> None:
    assert t_quantile(confidence, freedom) == pytest.approx(
        stats.t.ppf((1 + confidence) / 2, freedom), rel=1e-9
    )
