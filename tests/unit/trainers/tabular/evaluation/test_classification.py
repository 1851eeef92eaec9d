"""Figures of classes against scikit-learn's, and temperature scaling."""

from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics

from trainers.tabular.evaluation.classification import (
    auc,
    class_figures,
    fitted_temperature,
    log_loss,
    tempered,
)


def drawn(n_classes: int, rows: int = 300, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return true classes and probabilities that know something of them."""
    random = np.random.default_rng(seed)
    truth = random.integers(n_classes, size=rows)
    logits = random.normal(size=(rows, n_classes)) + 1.5 * np.eye(n_classes)[truth]
    return truth, np.exp(logits) / np.exp(logits).sum(1, keepdims=True)


def test_the_figures_are_those_of_scikit_learn() -> None:
    truth, probabilities = drawn(4)
    found = class_figures(truth, probabilities)
    chosen = probabilities.argmax(1)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(truth, chosen))
    assert found["f1"] == pytest.approx(metrics.f1_score(truth, chosen, average="macro"))
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(truth, probabilities, multi_class="ovr"))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(truth, probabilities))


def test_two_classes_have_the_usual_auc() -> None:
    truth, probabilities = drawn(2)
    assert auc(truth, probabilities) == pytest.approx(metrics.roc_auc_score(truth, probabilities[:, 1]))


def test_classes_that_no_row_has_are_left_out_of_the_auc() -> None:
    truth, probabilities = drawn(3)
    kept = truth < 2
    expected = [metrics.roc_auc_score(truth[kept] == one, probabilities[kept][:, one]) for one in (0, 1)]
    assert auc(truth[kept], probabilities[kept]) == pytest.approx(np.mean(expected))
    assert math.isnan(auc(truth[truth == 0], probabilities[truth == 0]))


def test_the_temperature_of_overconfident_probabilities_is_found() -> None:
    random = np.random.default_rng(2)
    logits = random.normal(size=(20_000, 3))
    right = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = np.array([random.choice(3, p=row) for row in right])
    sure = np.exp(3 * logits) / np.exp(3 * logits).sum(1, keepdims=True)
    temperature = fitted_temperature(truth, sure)
    assert temperature == pytest.approx(3, rel=0.05)
    assert log_loss(truth, tempered(sure, temperature)) < log_loss(truth, sure)


def test_scaling_keeps_the_order_and_sums_to_one() -> None:
    truth, probabilities = drawn(5)
    softer = tempered(probabilities, 2.5)
    assert softer.sum(1) == pytest.approx(np.ones(len(truth)))
    assert (softer.argsort(1) == probabilities.argsort(1)).all()
    assert tempered(probabilities, 1.0) == pytest.approx(probabilities)


def test_without_rows_nothing_is_scaled() -> None:
    assert fitted_temperature(np.zeros(0, np.int64), np.zeros((0, 3))) == 1.0
