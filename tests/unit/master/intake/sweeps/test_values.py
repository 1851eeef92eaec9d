from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.intake.sweeps.values import range_of, split, value_of, values_of


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1e-3,1e-4", [0.001, 0.0001]),
        ("0..4", [0, 1, 2, 3, 4]),
        ("-1..1,7", [-1, 0, 1, 7]),
        ("adam,sgd", ["adam", "sgd"]),
        ("true,null,NaN", [True, None, "NaN"]),
        ("[1,2],[3]", [[1, 2], [3]]),
        ('"a,b",c', ["a,b", "c"]),
        ('"0..4"', ["0..4"]),
        (r'"a\"b,c"', ['a"b,c']),
        ("", [""]),
        ("01,.5", ["01", ".5"]),
        ("5..5", [5]),
    ],
)
def test_values_are_json_where_they_parse_else_text(text: str, values: list[Any]) -> None:
    assert values_of(text) == values
    assert [type(value) for value in values_of(text)] == [type(value) for value in values]


@pytest.mark.parametrize(
    ("text", "says"),
    [("4..0", "runs backwards"), ("0..100000", "100,001 values"), ("0..999999999999", "may spell out")],
)
def test_a_range_that_cannot_be_is_refused_before_it_is_built(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        range_of(text)


@pytest.mark.parametrize("text", ["1...3", "a..b", "1..", "0.1..0.3"])
def test_what_is_no_range_is_none(text: str) -> None:
    assert range_of(text) is None


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(SCALARS | st.lists(SCALARS) | st.text(), min_size=1))
def test_what_is_written_as_json_comes_back(values: list[Any]) -> None:
    assert values_of(",".join(map(json.dumps, values))) == values


@given(st.text(alphabet='a",[]{}\\'))
def test_nothing_is_lost_by_splitting(text: str) -> None:
    assert ",".join(split(text)) == text


@given(st.text())
def test_every_text_is_a_value(text: str) -> None:
    assert type(value_of(text)) in (str, int, float, bool, type(None), list, dict)
