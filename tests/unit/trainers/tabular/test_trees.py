"""Boosted trees as the baseline of the report."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from trainers.common.errors import BadInput
from trainers.tabular.data.dataset import Columns, Dataset, Kind, Problem, Rows
from trainers.tabular.trees import CONFIGURATIONS, fit_default, fit_tuned


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Let so few rows not wait for threads."""
    with threadpool_limits(1):
        yield


def rows(count: int, seed: int, kind: Kind) -> Rows:
    """Return rows whose target is a function of a number and a category."""
    random = np.random.default_rng(seed)
    numeric = random.normal(size=(count, 3)).astype(np.float32)
    categories = random.integers(1, 6, size=(count, 1))
    signal = numeric[:, 0] + 2 * np.isin(categories[:, 0], (2, 4))
    both = np.stack([signal, -10 * numeric[:, 1]], 1).astype(np.float64)
    targets = (
        both if kind == "regression" else np.digitize(signal, (0.0, 1.5) if kind == "multiclass" else (1,))
    )
    return Rows(torch.from_numpy(numeric), torch.from_numpy(categories), torch.from_numpy(targets))


def dataset(kind: Kind = "regression", train: int = 200) -> Dataset:
    """Return three splits of rows."""
    targets = ("a", "b") if kind == "regression" else ("a",)
    classes = {"regression": (), "binary": ("no", "yes"), "multiclass": ("x", "y", "z")}[kind]
    columns = Columns(("one", "two", "three"), ("kind",), (6,))
    parts = [rows(count, seed, kind) for seed, count in enumerate((train, 100, 200))]
    return Dataset(Problem(kind, targets, classes), columns, *parts)


def test_the_default_is_that_of_scikit_learn() -> None:
    data = dataset()
    x = np.concatenate([data.train.numeric.numpy(), data.train.categories.numpy()], 1)
    fresh = np.concatenate([data.test.numeric.numpy(), data.test.categories.numpy()], 1)
    theirs = HistGradientBoostingRegressor(categorical_features=[3], random_state=0)
    expected = theirs.fit(x, data.train.targets.numpy()[:, 1]).predict(fresh)
    assert fit_default(data, 0).predict(data.test)[:, 1] == pytest.approx(expected)


def test_the_best_configuration_on_validation_is_kept_for_each_target() -> None:
    data = dataset()
    tuned, default = fit_tuned(data, 0, 2), fit_default(data, 0)
    assert len(tuned.settings) == 2 and tuned.seconds > 0
    errors = [((one.predict(data.val) - data.val.targets.numpy()) ** 2).mean(0) for one in (tuned, default)]
    assert (errors[0] < errors[1]).all()
    assert (fit_tuned(data, 0, 2).predict(data.test) == tuned.predict(data.test)).all()
    assert fit_tuned(data, 1, 1).settings != tuned.settings
    assert CONFIGURATIONS == 30


def test_a_tuned_model_is_no_worse_on_validation_than_one_of_fewer_configurations() -> None:
    data = dataset("binary")
    few, more = fit_tuned(data, 3, 1), fit_tuned(data, 3, 3)
    truth = data.val.targets.numpy()
    losses = [-np.log(one.predict(data.val)[np.arange(len(truth)), truth]).mean() for one in (few, more)]
    assert losses[1] <= losses[0]


@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_classes_get_probabilities(kind: Kind) -> None:
    data = dataset(kind)
    found = fit_default(data, 0).predict(data.test)
    assert found.shape == (200, len(data.problem.classes)) and found.sum(1) == pytest.approx(np.ones(200))
    assert np.mean(found.argmax(1) == data.test.targets.numpy()) > 0.9


def test_a_class_without_training_rows_gets_probability_0() -> None:
    data = dataset("multiclass")
    kept = data.train.take(torch.nonzero(data.train.targets != 1)[:, 0])
    found = fit_default(Dataset(data.problem, data.columns, kept, data.val, data.test), 0).predict(data.test)
    assert (found[:, 1] == 0).all() and found.sum(1) == pytest.approx(np.ones(200))


def test_rows_without_a_valid_target_are_left_out_and_a_target_without_any_is_refused() -> None:
    data = dataset()
    data.train.targets[:100, 0] = torch.nan
    alone = data.train.take(torch.arange(100, 200))
    fewer = Dataset(data.problem, data.columns, alone, data.val, data.test)
    expected = fit_default(fewer, 0).predict(data.test)[:, 0]
    assert fit_default(data, 0).predict(data.test)[:, 0] == pytest.approx(expected)
    data.train.targets[:, 1] = torch.nan
    with pytest.raises(BadInput, match="target b: no row of the training split has a valid value"):
        fit_default(data, 0)


def test_tuning_without_validation_rows_is_refused() -> None:
    data = dataset()
    data.val.targets[:] = torch.nan
    with pytest.raises(BadInput, match="tuning needs rows with valid targets in the validation split"):
        fit_tuned(data, 0, 2)


def test_more_categories_than_scikit_learn_takes_are_taken_as_an_order() -> None:
    data = dataset()
    columns = Columns(data.columns.numeric, ("kind",), (1000,))
    for part in (data.train, data.val, data.test):
        part.categories[:] *= 150
    many = Dataset(data.problem, columns, data.train, data.val, data.test)
    errors = fit_default(many, 0).predict(data.test) - data.test.targets.numpy()
    assert np.abs(errors[:, 0]).mean() < 0.3
