from __future__ import annotations

import json
from typing import Any

import pytest

from master.errors import ConfigError
from master.intake.strict_json import parse_document
from master.intake.sweeps.expansion import expanded


def fields(value: Any) -> list[dict[str, Any]]:
    return [entry.fields for entry in expanded(parse_document(json.dumps(value), "jobs.json").root)]


def test_rows_of_a_zip_go_together() -> None:
    value = {"grid": {"seed": "0..1"}, "zip": {"model": ["s", "l"], "batch": [64, 8]}}
    assert fields(value) == [
        {"seed": 0, "model": "s", "batch": 64},
        {"seed": 0, "model": "l", "batch": 8},
        {"seed": 1, "model": "s", "batch": 64},
        {"seed": 1, "model": "l", "batch": 8},
    ]


def test_several_zips_are_multiplied() -> None:
    value = {"zip": [{"a": [1, 2], "b": [3, 4]}, {"c": [5, 6]}]}
    assert [tuple(each.values()) for each in fields(value)] == [(1, 3, 5), (1, 3, 6), (2, 4, 5), (2, 4, 6)]


def test_draws_are_repeated_at_each_point_and_more_draws_begin_with_the_fewer() -> None:
    def sweep(n: int) -> dict[str, Any]:
        drawn = {"lr": {"log_uniform": [1e-5, 1e-2]}, "layers": {"int_uniform": [1, 4]}}
        return {"grid": {"seed": [0, 1]}, "sample": {"n": n, "seed": 7, "fields": drawn}}

    few, more = fields(sweep(3)), fields(sweep(5))
    assert [len(few), len(more)] == [6, 10]
    assert [{**each, "seed": 1} for each in few[:3]] == few[3:]
    assert few[:3] == more[:3]


def test_draws_differ() -> None:
    drawn = fields({"sample": {"n": 6, "fields": {"a": {"choice": [1, 2]}, "b": {"int_uniform": [0, 2]}}}})
    assert len({tuple(each.values()) for each in drawn}) == 6


DRAW = {"lr": {"uniform": [0, 1]}}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"zip": {"a": [1, 2], "b": [1]}}, "zip (line 1): all fields need equally many values: `a` has 2"),
        ({"zip": {}}, "there are no fields"),
        ({"grid": {"a": "1-3"}}, "grid.a (line 1): `a` must be a list of values, or a range"),
        ({"grid": {"a": "3..1"}}, "runs backwards"),
        ({"grid": {"a": [1]}, "zip": {"a": [1]}}, "`a` is in `grid` as well"),
        ({"grid": {"lr": [1]}, "sample": {"n": 1, "fields": DRAW}}, "`lr` is in `grid` as well"),
        ({"sample": {"n": 1, "fields": {}}}, "there are no fields"),
        ({"sample": {"fields": DRAW}}, "give `n`"),
        ({"sample": {"n": 0, "fields": DRAW}}, "allowed are whole numbers from 1"),
        ({"sample": {"n": 1, "seeds": 2, "fields": DRAW}}, "`seeds` is unknown: did you mean `seed`?"),
        ({"sample": {"n": 1, "fields": {"lr": {"unifrom": [0, 1]}}}}, "did you mean `uniform`?"),
        ({"sample": {"n": 1, "fields": {"lr": {}}}}, "must name one distribution"),
        ({"sample": {"n": 1, "fields": {"lr": {"uniform": [1, 0]}}}}, "sample.fields.lr.uniform (line 1)"),
        ({"sample": {"n": 9, "fields": {"a": {"choice": [1, 2]}}}}, "only 2 different draws were found"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(value: Any, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        fields(value)
    assert says in f"{caught.value.place}: {caught.value.problem}"
