"""The figures of a job over its layers."""

from __future__ import annotations

from typing import Any

import pytest

from trainers.probes.results.job_figures import job_figures
from trainers.probes.results.report import AVERAGES


def aggregate(figure: float | None, probes: int, **more: Any) -> dict[str, Any]:
    return {**dict.fromkeys(AVERAGES, figure), "per_action_metrics": [{}] * probes, **more}


def test_one_layer_has_its_own_figures() -> None:
    baseline = {"exact": {"auc_roc": 0.9}, "prevalence": {"accuracy": 0.6}}
    found = job_figures([aggregate(0.8, 3, baseline=baseline)])
    assert found == {
        "probes": 3,
        **dict.fromkeys(AVERAGES, 0.8),
        "baseline_exact_average_auc_roc": 0.9,
        "baseline_prevalence_average_accuracy": 0.6,
    }


def test_layers_are_averaged_and_those_without_a_figure_left_out() -> None:
    found = job_figures([aggregate(0.5, 3), aggregate(None, 0), aggregate(0.7, 2)])
    assert found["probes"] == 5
    assert found["average_auc_roc"] == pytest.approx(0.6)
    assert job_figures([aggregate(None, 0)])["average_f1"] is None
