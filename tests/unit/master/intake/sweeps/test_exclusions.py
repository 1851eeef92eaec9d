from __future__ import annotations

import json
from typing import Any

import pytest

from master.errors import ConfigError
from master.intake.strict_json import parse_document
from master.intake.sweeps.expansion import expanded


def fields(value: Any) -> list[dict[str, Any]]:
    return [entry.fields for entry in expanded(parse_document(json.dumps(value), "jobs.json").root)]


def test_what_does_not_go_together_is_left_out() -> None:
    value = {
        "grid": {"model": ["s", "l"], "batch": [8, 64, 128], "amp": [True]},
        "exclude": [{"model": "l", "batch": [64, 128]}],
    }
    assert [(each["model"], each["batch"]) for each in fields(value)] == [
        *(("s", 8), ("s", 64), ("s", 128)),
        ("l", 8),
    ]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"grid": {"lr": [1]}, "exclude": [{"lr": 2}]}, "leaves out no job"),
        ({"grid": {"lr": [1]}, "exclude": [{}]}, "would leave out every job"),
        ({"grid": {"lr": [1]}, "exclude": [{"lr": 1}]}, "nothing is left"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(value: Any, says: str) -> None:
    with pytest.raises(ConfigError) as caught:
        fields(value)
    assert says in f"{caught.value.place}: {caught.value.problem}"
