from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.errors import ConfigError
from master.intake.strict_json import parse_document
from master.intake.sweeps.expansion import expanded
from master.intake.sweeps.flags import document_of
from master.intake.sweeps.words import SweepFlags


def fields(value: Any, flags: SweepFlags | None = None) -> list[dict[str, Any]]:
    over = document_of(flags).root if flags else None
    return [entry.fields for entry in expanded(parse_document(json.dumps(value), "jobs.json").root, over)]


def problem(value: Any, flags: SweepFlags | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        fields(value, flags)
    return f"{caught.value.place}: {caught.value.problem}"


def test_groups_have_their_own_defaults_and_sweeps() -> None:
    value = {
        "defaults": {"epochs": 1, "model": "cnn"},
        "grid": {"seed": [0, 1]},
        "jobs": [
            {"lr": 1},
            {
                "defaults": {"model": "vit", "epochs": 5},
                "grid": {"lr": [2, 3]},
                "jobs": [{"depth": 4}, {"depth": 8, "epochs": 9}],
            },
        ],
    }
    found = fields(value)
    assert len(found) == 2 * (1 + 2 * 2)
    assert found[0] == {"epochs": 1, "model": "cnn", "lr": 1, "seed": 0}
    assert found[2] == {"epochs": 5, "model": "vit", "depth": 4, "lr": 2, "seed": 0}
    assert found[-1] == {"epochs": 9, "model": "vit", "depth": 8, "lr": 3, "seed": 1}
    places = [entry.place for entry in expanded(parse_document(json.dumps(value), "jobs.json").root)]
    assert places[-1] == "job 2, job 2, grid point 2, grid point 2"


def test_a_job_may_have_fields_called_like_keys() -> None:
    job = {"grid": 3, "sample": "all", "zip": True, "jobs": 4, "exclude": ["x"]}
    assert fields([job]) == [job]


def test_flags_lie_over_a_file() -> None:
    flags = SweepFlags(set_to=[("epochs", 1)], grid=[("seed", [0, 1])])
    assert fields([{"lr": 1, "epochs": 90}], flags) == [
        {"lr": 1, "epochs": 1, "seed": 0},
        {"lr": 1, "epochs": 1, "seed": 1},
    ]
    assert "`seed` is in `--grid` as well" in problem([{"seed": 3}], flags)
    assert "`seed` is in `--grid` as well" in problem({"grid": {"seed": [3]}}, flags)


DRAW = {"lr": {"uniform": [0, 1]}}


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (
            {"grid": {"batch": [1]}, "exclude": [{"bach": 1}]},
            "exclude[0] (line 1): no job has the field `bach`: did",
        ),
        (
            {"grid": {"lr": [1, True]}, "exclude": [{"lr": True}, {"lr": 3}]},
            "exclude[1] (line 1): leaves out",
        ),
        ({"grid": {"a": "0..999", "b": "0..100"}}, "grid (line 1): this spells out 101,000 jobs"),
        ({"sample": {"n": 100_001, "fields": DRAW}}, "sample (line 1): this spells out 100,001 jobs"),
        (
            {"jobs": [{"grid": {"a": "0..999"}, "zip": {"b": "0..999"}}]},
            "1,000,000 jobs, allowed are 100,000",
        ),
        ({"jobs": [{"grid": {"a": [1]}, "lr": 3}]}, "`lr` is unknown"),
        ({"grid": {"a": [1]}, "jobs": [{"grid": {"a": [2]}}]}, "`a` is in `grid` as well"),
        ({"grid": {"a": [1]}, "jobs": [{"defaults": {"b": 1}, "jobs": [{"a": 2}]}]}, "job 1, job 1"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(value: Any, says: str) -> None:
    assert says in problem(value)


AXIS = st.lists(st.integers(0, 99), min_size=1, max_size=4, unique=True)


@given(AXIS, AXIS, AXIS, st.integers(1, 5), st.integers(0, 99))
def test_a_sweep_is_the_product_of_its_parts(
    grid: list[int], rows: list[int], own: list[int], n: int, seed: int
) -> None:
    value = {
        "grid": {"g": grid},
        "zip": {"z": rows, "y": rows[::-1]},
        "sample": {"n": n, "seed": seed, "fields": {"s": {"uniform": [0, 1]}}},
        "jobs": [{"a": 1}, {"grid": {"b": own}}],
    }
    found = fields(value)
    assert len(found) == len(grid) * len(rows) * n * (1 + len(own))
    assert len({json.dumps(each, sort_keys=True) for each in found}) == len(found)
    assert {each["g"] for each in found} == set(grid) and len({each["s"] for each in found}) == n
