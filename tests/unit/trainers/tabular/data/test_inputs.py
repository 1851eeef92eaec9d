"""Inputs: statistics of the training rows alone, missing values filled by them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from trainers.tabular.data.inputs import INPUT_KINDS, InputKind, InputStatistics

TRAIN = torch.tensor([[1.0, 5.0], [2.0, 5.0], [float("nan"), 5.0], [6.0, 5.0]])


def test_standard_inputs_are_those_of_the_first_three_models() -> None:
    x = torch.randn(50, 3, generator=torch.Generator().manual_seed(0)) * 4 + 7
    found = InputStatistics.fit("standard", x).apply(x)
    wide = x.double()
    expected = (wide - wide.mean(0)) / (wide.std(0) + 1e-8)
    assert found.dtype == torch.float32 and torch.allclose(found.double(), expected, atol=1e-6)


def test_missing_values_are_the_median_of_training_rows() -> None:
    found = InputStatistics.fit("standard", TRAIN)
    assert found.fill.tolist() == [2, 5]
    assert found.apply(torch.tensor([[float("nan"), float("nan")]])).equal(
        found.apply(torch.tensor([[2.0, 5.0]]))
    )


@pytest.mark.parametrize("kind", INPUT_KINDS)
def test_constant_columns_give_finite_inputs(kind: InputKind) -> None:
    found = InputStatistics.fit(kind, TRAIN).apply(TRAIN)
    assert torch.isfinite(found).all()
    assert kind == "quantile" or found[:, 1].tolist() == [0] * 4


def test_robust_inputs_are_scaled_by_quartiles_and_clipped_smoothly() -> None:
    x = torch.arange(101.0).reshape(-1, 1)
    found = InputStatistics.fit("robust", x)
    z = (x - 50) / 50
    assert torch.allclose(found.apply(x), z / torch.sqrt(1 + (z / 3) ** 2))
    assert abs(found.apply(torch.tensor([[1e9]])).item()) <= 3


def test_robust_inputs_of_equal_quartiles_are_scaled_by_half_the_range() -> None:
    x = torch.tensor([[0.0]] * 90 + [[4.0]] * 10)
    assert InputStatistics.fit("robust", x).factor.item() == pytest.approx(0.5)


def test_a_column_that_a_fold_has_nothing_of_is_filled_with_zero() -> None:
    x = torch.tensor([[float("nan"), 1.0], [float("nan"), 2.0]])
    assert InputStatistics.fit("standard", x).apply(x)[:, 0].tolist() == [0, 0]


@pytest.mark.parametrize("kind", INPUT_KINDS)
def test_statistics_come_back_from_json(kind: InputKind) -> None:
    x = torch.from_numpy(np.random.default_rng(0).gamma(2.0, size=(80, 3))).float()
    found = InputStatistics.fit(kind, x)
    back = InputStatistics.from_json(json.loads(json.dumps(found.to_json())))
    assert back.apply(x).equal(found.apply(x)) and back.kind == kind


def test_no_numeric_column_is_a_matrix_without_columns() -> None:
    for kind in INPUT_KINDS:
        found = InputStatistics.fit(kind, torch.empty(4, 0))
        assert InputStatistics.from_json(found.to_json()).apply(torch.empty(2, 0)).shape == (2, 0)
