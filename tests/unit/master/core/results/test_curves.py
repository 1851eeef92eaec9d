"""Figures that were logged again and again, as metrics."""

from __future__ import annotations

from master.core.results.curves import metrics_of


def test_the_last_and_the_best_of_each() -> None:
    assert metrics_of({"val_loss": [0.5, 0.2, 0.3], "f1": [0.1, 0.9, 0.8]}) == {
        "val_loss": 0.3,
        "best_val_loss": 0.2,
        "f1": 0.8,
        "best_f1": 0.9,
    }


def test_one_value_is_no_curve_and_what_is_not_finite_is_left_out() -> None:
    nan, inf = float("nan"), float("inf")
    assert metrics_of({"a": [1.0], "b": [nan], "c": [2.0, inf, nan, 1.0], "d": []}) == {
        "a": 1.0,
        "c": 1.0,
        "best_c": 2.0,
    }


def test_what_has_diverged_has_a_best_value_and_no_last_one() -> None:
    nan = float("nan")
    assert metrics_of({"train_loss": [2.3, 1.2, nan], "f1": [0.5, nan]}) == {
        "best_train_loss": 1.2,
        "best_f1": 0.5,
    }


def test_a_best_that_was_logged_is_kept() -> None:
    assert metrics_of({"f1": [0.9, 0.8], "best_f1": [0.95]}) == {"f1": 0.8, "best_f1": 0.95}
