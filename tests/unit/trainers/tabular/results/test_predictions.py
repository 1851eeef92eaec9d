"""Predictions as columns of a table."""

from __future__ import annotations

import numpy as np

from trainers.tabular.results.predictions import Classes, Values


def test_values_are_columns_of_each_target_with_spread_and_ends_of_intervals() -> None:
    mean = np.array([[1.0, 2.0]])
    found = Values(("a", "b"), mean, 0.1 * mean, {0.68: (mean - 1, mean + 1)}, np.array([0.7]))
    assert {name: values.tolist() for name, values in found.columns().items()} == {
        "a": [1.0],
        "a_spread": [0.1],
        "a_low_68": [0.0],
        "a_high_68": [2.0],
        "b": [2.0],
        "b_spread": [0.2],
        "b_low_68": [1.0],
        "b_high_68": [3.0],
        "viable": [0.7],
    }


def test_classes_are_the_likeliest_name_and_all_probabilities() -> None:
    found = Classes("sort", ("no", "yes"), np.array([[0.2, 0.8], [0.6, 0.4]]))
    assert {name: values.tolist() for name, values in found.columns().items()} == {
        "sort": ["yes", "no"],
        "sort_p_no": [0.2, 0.6],
        "sort_p_yes": [0.8, 0.4],
    }
