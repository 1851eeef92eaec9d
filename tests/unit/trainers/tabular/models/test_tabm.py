"""TabM: bins, and how its predictions become one."""

from __future__ import annotations

import sys

import pytest
import rtdl_num_embeddings
import torch

from tests.unit.trainers.tabular.models import tables
from trainers.common.errors import BadInput
from trainers.tabular.models.registry import ModelSpec, build
from trainers.tabular.models.tabm import averaged, bin_edges

SPEC = ModelSpec("tabm", tables.MIXED, tables.REGRESSION, tables.SMALL["tabm"])


def test_bins_are_those_of_the_authors_package() -> None:
    numeric, _ = tables.rows(tables.NUMBERS, 200)
    numeric[:, 3] = numeric[:, 3].round().clamp(-1, 1)  # fewer quantiles than bins
    ours = [row[~row.isnan()] for row in bin_edges(numeric, 12)]
    theirs = rtdl_num_embeddings.compute_bins(numeric, 12)
    assert all(torch.equal(own, their) for own, their in zip(ours, theirs, strict=True))


def test_a_column_of_one_value_has_one_bin_around_it() -> None:
    edges = bin_edges(torch.full((9, 1), 3.0), 4)
    assert edges[0, :2].tolist() == [2.5, 3.5]
    assert edges[0, 2:].isnan().all()


def test_few_rows_have_few_bins() -> None:
    assert int((~bin_edges(torch.arange(4.0)[:, None], 48).isnan()).sum()) == 4


def test_while_training_the_predictions_stay_apart_and_then_are_averaged() -> None:
    numeric, categories = tables.rows(tables.MIXED, 20)
    network = build(SPEC, numeric)
    assert network.train()(numeric, categories).shape == (20, 4, 1)
    assert network.eval()(numeric, categories).shape == (20, 1)


def test_values_are_averaged_as_they_are_and_viability_as_a_probability() -> None:
    predicted = torch.randn(5, 4, 3, dtype=torch.float64)
    found = averaged(predicted, tables.TWO_TARGETS_AND_VIABILITY)
    torch.testing.assert_close(found[:, :2], predicted[..., :2].mean(1))
    torch.testing.assert_close(found[:, 2].sigmoid(), predicted[..., 2].sigmoid().mean(1))
    torch.testing.assert_close(averaged(predicted, tables.REGRESSION), predicted.mean(1))


def test_of_classes_the_probabilities_are_averaged_and_not_the_logits() -> None:
    predicted = 4 * torch.randn(5, 4, 3, dtype=torch.float64)
    found = averaged(predicted, tables.MULTICLASS)
    torch.testing.assert_close(found.softmax(-1), predicted.softmax(-1).mean(1))
    one = averaged(predicted[..., :1], tables.BINARY)
    torch.testing.assert_close(one.sigmoid(), predicted[..., :1].sigmoid().mean(1))


def test_sure_predictions_stay_finite() -> None:
    assert averaged(torch.full((1, 4, 1), 300.0), tables.BINARY).item() == pytest.approx(300.0)


def test_without_the_package_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tabm", None)
    with pytest.raises(BadInput, match=r"needs the package tabm: pip install 'twophase\[tabular\]'"):
        build(SPEC, torch.randn(20, 3))


def test_without_training_rows_there_are_no_bins() -> None:
    with pytest.raises(ValueError, match="made of training rows"):
        build(SPEC)
