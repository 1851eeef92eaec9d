"""Importance by permutation."""

from __future__ import annotations

import numpy as np

from trainers.tabular.evaluation.importance import permutation_importance


def test_columns_are_ordered_by_what_they_are_worth_and_inputs_stay_as_they_are() -> None:
    random = np.random.default_rng(0)
    numeric = random.normal(size=(500, 3)).astype(np.float32)
    categories = random.integers(4, size=(500, 2))
    before = numeric.copy(), categories.copy()
    truth = 3 * numeric[:, 1] + categories[:, 0]

    def loss(x: np.ndarray, c: np.ndarray) -> float:
        return float(np.mean((3 * x[:, 1] + c[:, 0] - truth) ** 2))

    found = permutation_importance(loss, (numeric, categories), (("a", "b", "c"), ("d", "e")))
    assert [one.column for one in found][:2] == ["b", "d"]
    assert all(one.mean == 0 for one in found[2:])
    assert found[0].mean > 10 and found[1].mean > 1
    assert (numeric == before[0]).all() and (categories == before[1]).all()
    assert found == permutation_importance(loss, (numeric, categories), (("a", "b", "c"), ("d", "e")))
