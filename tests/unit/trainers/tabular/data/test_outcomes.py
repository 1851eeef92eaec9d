"""Outcomes: which problem the targets are, valid ranges, classes, and targets that teach nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from trainers.common.errors import BadInput
from trainers.tabular.data.dataset import Problem
from trainers.tabular.data.outcomes import Asked, class_numbers, outcomes, outcomes_of
from trainers.tabular.data.schema import Schema, Valid

OMEGA = np.array([0.1, -1.0, 0.5, 2.0, np.nan])


def texts(*values: str | None) -> np.ndarray:
    return np.array(values, dtype=object)


@pytest.mark.parametrize(
    ("values", "kind", "classes"),
    [
        (np.array([0.5, 1.0, 2.0]), "regression", ()),
        (np.array([0.0, 1.0, 0.0]), "binary", ("0", "1")),
        (texts("yes", "no", None), "binary", ("no", "yes")),
        (texts("10", "9", "x", "w"), "multiclass", ("9", "10", "w", "x")),
    ],
)
def test_the_problem_is_told_by_the_values(values: np.ndarray, kind: str, classes: tuple[str, ...]) -> None:
    found = outcomes({"y": values}, Schema(("y",)), "auto")
    assert found.problem == Problem(kind, ("y",), classes)  # type: ignore[arg-type]


def test_one_word_among_numbers_is_told_and_makes_no_classes() -> None:
    with pytest.raises(BadInput, match="column 'y': row 3 is 'oops', no number; --problem multiclass"):
        outcomes({"y": texts("1.5", "2", "oops", "4")}, Schema(("y",)), "auto")
    asked = outcomes({"y": texts("1", "2", "oops", "4")}, Schema(("y",)), "multiclass")
    assert asked.problem.classes == ("1", "2", "4", "oops")


def test_decimal_commas_are_told_and_make_no_classes() -> None:
    with pytest.raises(
        BadInput, match="column 'y': 3 values are numbers with a decimal comma, such as '1,5'"
    ):
        outcomes({"y": texts("1,5", "2", "-2,25", "4,0")}, Schema(("y",)), "auto")
    with pytest.raises(BadInput, match="row 1 is '1,5', no number; write it with a point"):
        outcomes({"y": texts("1,5", "2")}, Schema(("y",)), "regression")


def test_two_targets_are_a_regression_and_rows_with_one_of_them_are_usable() -> None:
    table = {"y": np.array([0.0, 1.0, np.nan]), "z": np.array([np.nan, 2.0, np.nan])}
    found = outcomes(table, Schema(("y", "z")), "auto")
    assert found.problem.kind == "regression" and found.usable.tolist() == [True, True, False]
    assert found.notes == (
        "target y: 1 of 3 rows have no valid value",
        "target z: 2 of 3 rows have no valid value",
    )


def test_values_outside_the_range_are_no_targets() -> None:
    schema = Schema(("MO_Omega",), valid={"MO_Omega": Valid.parsed("..1,!-1")})
    found = outcomes({"MO_Omega": OMEGA}, schema, "auto")
    assert found.usable.tolist() == [True, False, True, False, False]
    viable = outcomes({"MO_Omega": OMEGA}, schema, "auto", viability=True)
    assert viable.usable.all() and viable.problem.outputs == 2
    assert np.isnan(viable.values[:, 0]).tolist() == [False, True, False, True, True]


def test_classes_have_numbers_and_missing_ones_are_left_out() -> None:
    found = outcomes({"y": texts("b", "a", None, "c")}, Schema(("y",)), "auto")
    assert found.values.tolist() == [1, 0, -1, 2] and found.usable.tolist() == [True, True, False, True]
    assert found.notes == ("target y: 1 of 4 rows have no class and are left out",)


def test_a_class_that_a_model_has_not_is_told() -> None:
    problem = Problem("binary", ("y",), ("a", "b"))
    assert class_numbers(texts("b", None, "a"), problem).tolist() == [1, -1, 0]
    with pytest.raises(BadInput, match="target 'y': c: no class of the model, which has a, b"):
        class_numbers(texts("a", "c"), problem)


@pytest.mark.parametrize(
    ("values", "asked", "options", "told"),
    [
        (
            OMEGA,
            "auto",
            {"valid": {"y": Valid.parsed("5..6")}},
            r"no row is in the valid range 5..6; .*-1 and 2",
        ),
        (np.array([np.nan, np.nan]), "regression", {}, "is missing in every row"),
        (texts("a", "a"), "multiclass", {}, "has the class a alone"),
        (texts("a", "b", "c"), "binary", {}, "has 3 classes; --problem multiclass"),
        (texts("a", "b"), "regression", {}, "row 1 is 'a', no number; --problem multiclass"),
        (np.arange(1001.0), "multiclass", {}, "has 1001 classes, at most 1000"),
    ],
)
def test_targets_that_are_no_such_problem_are_told(
    values: np.ndarray, asked: Asked, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(BadInput, match=told):
        outcomes({"y": values}, Schema(("y",), **options), asked)


def test_a_valid_range_of_classes_is_told() -> None:
    schema = Schema(("y",), valid={"y": Valid.parsed("0..1")})
    with pytest.raises(BadInput, match="--valid y: a binary target has no range"):
        outcomes({"y": np.array([0.0, 1.0])}, schema, "auto")
    with pytest.raises(BadInput, match="--valid y: a binary target has no range"):
        outcomes_of({"y": np.array([0.0, 1.0])}, schema, Problem("binary", ("y",), ("0", "1")))


def test_viability_needs_rows_without_valid_targets_and_a_regression() -> None:
    with pytest.raises(BadInput, match="every row has a valid target"):
        outcomes({"y": np.arange(3.0)}, Schema(("y",)), "regression", viability=True)
    with pytest.raises(BadInput, match="has one target and no viability"):
        outcomes({"y": texts("a", "b")}, Schema(("y",)), "auto", viability=True)


def test_targets_of_a_trained_model_keep_its_classes_and_its_viability() -> None:
    problem = Problem("multiclass", ("y",), ("a", "b", "c"))
    found = outcomes_of({"y": texts("c", None, "c")}, Schema(("y",)), problem)
    assert found.problem == problem and found.values.tolist() == [2, -1, 2]
    assert found.usable.tolist() == [True, False, True]
    viable = Problem("regression", ("y",), viability=True)
    assert outcomes_of({"y": OMEGA}, Schema(("y",)), viable).usable.all()
    plain = outcomes_of({"y": OMEGA}, Schema(("y",)), Problem("regression", ("y",)))
    assert plain.usable.tolist() == [True, True, True, True, False]
