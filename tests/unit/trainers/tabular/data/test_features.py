"""Features: what is infinite, constant, missing or text is told, and by choice handled."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.common.errors import BadInput
from trainers.tabular.data.dataset import Columns
from trainers.tabular.data.features import (
    amounts,
    kinds_of,
    missing_notes,
    unseen_note,
    whole_rows,
    without_constant,
)

WORDS = np.array(["a", None, "b"], dtype=object)
EVERY = np.arange(3)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e39])
def test_infinite_values_are_told_with_their_first_row(value: float) -> None:
    table = {"x": np.array([1.0, value, value])}
    with pytest.raises(
        BadInput, match="column 'x': 2 infinite values, the first in row 2; --infinite missing"
    ):
        amounts(table, ["x"], "error")
    np.testing.assert_array_equal(amounts(table, ["x"], "missing")["x"], [1, np.nan, np.nan])


def test_columns_of_texts_are_categorical_and_mostly_numbers_are_told() -> None:
    table = {
        "x": EVERY.astype(float),
        "w": WORDS,
        "c": EVERY.astype(float),
        "n": np.array(["1", "2", "bad"], dtype=object),
    }
    assert kinds_of(table, ["x", "w", "c", "n"], ["c"]) == (["x", "n"], ["w", "c"])
    with pytest.raises(BadInput, match="column 'n': row 3 is 'bad', no number; --categorical 'n'"):
        amounts(table, ["n"], "error")


def test_missing_values_are_filled_dropped_or_refused() -> None:
    numeric = {"x": np.array([np.nan, 1.0, 2.0])}
    assert whole_rows(numeric, {"w": WORDS}, "fill") is None
    rows = whole_rows(numeric, {"w": WORDS}, "drop")
    assert rows is not None and rows.tolist() == [False, False, True]
    with pytest.raises(BadInput, match="values are missing: x 1, w 1; --missing fill or drop"):
        whole_rows(numeric, {"w": WORDS}, "error")
    assert whole_rows({"x": np.ones(3)}, {}, "error") is None


def test_columns_without_anything_in_training_rows_are_refused() -> None:
    columns = {"x": np.array([np.nan, np.nan, 1.0]), "w": WORDS}
    with pytest.raises(BadInput, match="missing in every training row: x; --exclude"):
        without_constant(columns, EVERY[:2], "drop")


def test_constant_columns_are_refused_or_left_out() -> None:
    columns = {"x": np.array([2.0, np.nan, 2.0]), "w": WORDS, "y": np.arange(3.0)}
    with pytest.raises(BadInput, match="the same in every training row: x; --exclude or --constant drop"):
        without_constant(columns, EVERY, "error")
    names, notes = without_constant(columns, EVERY, "drop")
    assert names == ["w", "y"] and notes == ("left out, constant in the training rows: x",)
    assert without_constant({"y": columns["y"]}, EVERY, "error") == (["y"], ())


def test_what_is_filled_or_unknown_is_counted() -> None:
    x = np.array([[1.0, np.nan], [np.nan, np.nan]])
    assert missing_notes(Columns(("a", "b")), x) == (
        "missing, filled by the median of training rows: a 1, b 2",
    )
    assert missing_notes(Columns(("a", "b")), np.ones((2, 2))) == ()
    assert unseen_note({"w": 3}) == ("categories that no training row has, taken as unknown: w 3",)
    assert unseen_note({f"c{place}": 1 for place in range(10)})[0].endswith("c7 1 and 2 more")
    assert unseen_note({}) == ()


def test_numbers_with_decimal_commas_are_no_names_unless_they_are_said_to_be() -> None:
    table = {"x": np.array(["1,5", None, "-2,25"], dtype=object)}
    with pytest.raises(
        BadInput, match=r"column 'x': 2 values are numbers with a decimal comma.*--categorical"
    ):
        kinds_of(table, ["x"], [])
    assert kinds_of(table, ["x"], ["x"]) == ([], ["x"])
