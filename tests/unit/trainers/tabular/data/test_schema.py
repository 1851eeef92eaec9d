"""The schema: valid ranges as texts, JSON, and columns that are not there."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from trainers.common.errors import BadInput
from trainers.tabular.data.schema import FILE, Schema, Valid, features_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0..1", Valid(0, 1)),
        ("..1,!-1", Valid(-math.inf, 1, (-1.0,))),
        ("0..", Valid(0)),
        ("..,!-1,!-999", Valid(excluded=(-1.0, -999.0))),
    ],
)
def test_valid_ranges_are_texts(text: str, expected: Valid) -> None:
    assert Valid.parsed(text) == expected
    assert str(expected) == text


@pytest.mark.parametrize("text", ["1", "0..x", "a..1", "..1,-1", ""])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="must be like"):
        Valid.parsed(text)


def test_a_range_holds_its_lower_end_and_no_missing_value() -> None:
    values = np.array([-1.0, 0.0, 0.5, 1.0, np.nan])
    assert Valid.parsed("..1,!-1").of(values).tolist() == [False, True, True, False, False]


def test_a_schema_comes_back_from_json() -> None:
    schema = Schema(("y",), ("a", "b"), ("b",), (), FILE, "when", "part", {"y": Valid.parsed("0..,!7")})
    assert Schema.from_json(json.loads(json.dumps(schema.to_json())), "here") == schema


def test_one_name_is_a_list_of_one() -> None:
    assert Schema.from_json({"targets": "y"}, "here").targets == ("y",)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"target": ["y"]}, "'target' is no key of a schema; did you mean 'targets'"),
        ({"targets": [1]}, "lists of column names"),
        ({"targets": ["y"], "valid": {"y": "1"}}, "must be like"),
        ({"targets": ["y"], "valid": 3}, "lists of column names"),
    ],
)
def test_what_is_no_schema_is_refused(value: dict[str, object], told: str) -> None:
    with pytest.raises(BadInput, match=told):
        Schema.from_json(value, "file.json")


def test_features_are_all_columns_that_have_no_other_use() -> None:
    there = ["a", "b", "y", "z", "person", "when", "id"]
    schema = Schema(("y", "z"), exclude=("id",), group="person", time="when")
    assert features_of(schema, there) == ("a", "b")
    assert features_of(Schema(("y",), ("b", "when"), time="when"), there) == ("b", "when")


@pytest.mark.parametrize(
    ("schema", "told"),
    [
        (Schema(("MO_Omega2",)), "no column 'MO_Omega2': did you mean 'MO_Omega'"),
        (Schema(("MO_Omega",), ("in_meL",)), "no column 'in_meL': did you mean 'IN_meL'"),
        (Schema(("MO_Omega",), ("MO_Omega",)), "is a target"),
        (Schema(("MO_Omega",), ("IN_meL",), ("IN_mA",)), "is not among the features"),
        (Schema(("MO_Omega",), exclude=("IN_meL", "IN_mA")), "no column is left"),
    ],
)
def test_columns_that_do_not_fit_are_told(schema: Schema, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        features_of(schema, ["IN_meL", "IN_mA", "MO_Omega"])
