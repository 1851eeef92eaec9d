"""What is said where no two jobs share a base model."""

from __future__ import annotations

import json
from typing import Any

import pytest

from master.core.planning.sharing import sharing_note
from master.intake.jobs import parse_jobs

PEOPLE = {"participants": ["a", "b", "c"]}
SWEEP: dict[str, Any] = {"grid": {"lr": [0.1, 0.01], "seed": [0, 1], "fold": [0, 1, 2]}}


def note(value: Any) -> str:
    return sharing_note(parse_jobs(json.dumps(value), code="x"))


def test_a_plain_sweep_shares_nothing_and_is_told_how_it_could() -> None:
    told = note(SWEEP)
    assert told.startswith("No base models, and nothing is shared")
    assert '"base_model": {"include": ["lr", "seed"]}' in told


def test_what_it_is_told_to_write_is_taken() -> None:
    example = note(SWEEP).split('"base_model": ')[1].split(";")[0]
    assert note({**SWEEP, "base_model": json.loads(example)}) == ""


@pytest.mark.parametrize(
    "value",
    [
        {**SWEEP, "base_model": False},
        {**SWEEP, "base_model": {"include": ["lr"]}},
        {"defaults": PEOPLE, "grid": {"fold": [0, 1], "target_data_pct": [0.5, 1]}},
        {"defaults": {**PEOPLE, "mode": "target_only"}, "grid": {"fold": [0, 1]}},
    ],
)
def test_nothing_is_said_where_jobs_share_or_are_meant_not_to(value: Any) -> None:
    assert note(value) == ""


def test_a_base_model_for_each_job_is_told_too() -> None:
    told = note({**SWEEP, "base_model": True})
    assert told.startswith("Nothing is shared")
    assert '"base_model": {"exclude": ["FIELD"]}' in told
    assert note([{**PEOPLE, "fold": 0}]) == note([{"lr": 1}]) == ""


def test_the_example_names_a_field_that_is_passed() -> None:
    assert '["FIELD"]' in note([{"_note": 1}, {"_note": 2}])
