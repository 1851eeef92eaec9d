"""Figures of experiments, and which of them are shown."""

from __future__ import annotations

from master.view.metrics import absence, beaten, columns, has_baseline, title


def test_unknown_metrics_are_shown_by_their_names() -> None:
    assert columns([{"a": 1.0, "b": 2.0}, {"c": 3.0, "d": 4.0}]) == ["a", "b", "c"]
    assert columns([{"a": 1.0, "best_target_model_target_test_f1": 2.0}]) == [
        "best_target_model_target_test_f1"
    ]
    assert columns([]) == []


FITTED, FOREST = "best_target_model_target_test_f1", "baseline_forest_target_test_f1"


def test_baselines_stand_beside_the_fitted_model() -> None:
    base, loss = "best_base_model_target_test_f1", "best_target_model_target_test_loss"
    logistic = "baseline_logistic_regression_target_test_f1"
    row = {loss: 1.0, base: 0.5, logistic: 0.6, FITTED: 0.7, FOREST: 0.8}
    assert columns([row]) == [FITTED, FOREST, logistic]
    assert columns([{loss: 1.0, base: 0.5, FITTED: 0.7}]) == [FITTED, base, loss]


def test_fitted_models_that_a_baseline_beats_are_counted() -> None:
    rows = [{FITTED: 0.7, FOREST: 0.8}, {FITTED: 0.9, FOREST: 0.9}, {FITTED: 0.6}, {FOREST: 1.0}]
    assert beaten(rows) == ["A forest has a better F1 than the fitted model in 1 of 2 experiments."]
    assert beaten(rows[1:]) == beaten([]) == []


def test_probes_that_a_baseline_beats_are_counted_too() -> None:
    rows = [
        {
            "probes": 9.0,
            "average_accuracy": 0.8,
            "average_auc_roc": auc,
            "baseline_exact_average_auc_roc": 0.8,
            "baseline_prevalence_average_accuracy": 0.9,
            "baseline_prevalence_average_auc_roc": 0.5,
        }
        for auc in (0.7, 0.9)
    ]
    assert [title(name) for name in columns(rows)] == ["mean AUC", "exact AUC", "mean acc."]
    assert beaten(rows) == [
        "The exact solver has a better mean AUC than the probes in 1 of 2 experiments.",
        "The more frequent answer, by prevalence, is right more often than the probes in 2 of 2 experiments.",
    ]
    assert all(map(has_baseline, rows)) and not has_baseline({"average_auc_roc": 0.7})


def test_where_no_job_left_figures_that_is_said_once() -> None:
    assert absence({}) == []
    assert absence({"a": {}, "b": {"loss": 1.0}}) == []
    (told,) = absence({"a": {}, "b": {}})
    assert told == "no job left a metrics.json with numbers: the table has no results"
