"""Means and their intervals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from master.core.results.statistics import summary


def test_no_value_has_no_mean_and_one_value_no_interval() -> None:
    assert summary([]) is None
    one = summary([0.5])
    assert one is not None
    assert (one.count, one.mean, one.half_width, one.lowest, one.highest) == (1, 0.5, None, 0.5, 0.5)


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30))
def test_the_interval_is_that_of_scipy(values: list[float]) -> None:
    found = summary(values)
    assert found is not None and found.half_width is not None
    assert found.mean == pytest.approx(np.mean(values), abs=1e-9)
    error = stats.sem(values)
    wanted = stats.t.ppf(0.975, len(values) - 1) * error
    assert found.half_width == pytest.approx(wanted, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("values", [[1e308, 1e308], [1e300, -1e300], [1.7e308, -1.7e308]])
def test_a_training_that_went_astray_spoils_no_table(values: list[float]) -> None:
    found = summary(values)
    assert found is not None and np.isfinite(found.mean)
    assert found.half_width is None or np.isfinite(found.half_width)
