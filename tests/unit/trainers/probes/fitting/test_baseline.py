"""What a probe has to beat."""

from __future__ import annotations

from typing import Any

import pytest

from trainers.probes.fitting.baseline import FIGURES, average_baselines, prevalence


@pytest.mark.parametrize(
    ("rate", "accuracy", "f1"),
    [(0.0, 1.0, 0.0), (0.25, 0.75, 0.0), (0.5, 0.5, 0.0), (0.75, 0.75, 1.5 / 1.75), (1.0, 1.0, 1.0)],
)
def test_the_best_constant_answer_is_the_more_frequent_one(rate: float, accuracy: float, f1: float) -> None:
    found = prevalence(rate)
    assert (found["accuracy"], found["f1"]) == (accuracy, f1)
    assert (found["auc_roc"], found["auc_pr"]) == (0.5, rate)


def of(value: float) -> dict[str, Any]:
    return {"baseline": {"exact": dict.fromkeys(FIGURES, value)}}


def test_averages_are_over_the_probes_that_have_a_baseline() -> None:
    found = average_baselines([of(0.25), {"auc_roc": 0.9}, of(0.75)])
    assert found == {"baseline": {"exact": dict.fromkeys(FIGURES, 0.5)}}


def test_without_a_baseline_the_aggregate_has_none() -> None:
    assert average_baselines([{"auc_roc": 0.9}]) == {}
