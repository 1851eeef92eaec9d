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
    assert told.startswith("Nothing is shared. To share, put")
    assert '"base_model": {"exclude": ["lr"]}' in told
    how = "write it in Phase 1 to TWOPHASE_BASE_MODEL_DIR and start from it in Phase 2"
    assert told.endswith(f"{how} (docs/script_contract.md)") and len(told) < 210 and "\n" not in told


@pytest.mark.parametrize(
    "sweep",
    [
        SWEEP,
        {"grid": {"fold": [0, 1], "lr": [0.1, 0.01]}},
        {"zip": {"model": ["s", "m"], "batch": [1, 2]}, "grid": {"seed": [0, 1]}},
    ],
)
def test_what_it_is_told_to_write_is_taken_and_shares(sweep: dict[str, Any]) -> None:
    example = json.loads(note(sweep).split('"base_model": ')[1].split(" in a jobs file")[0])
    assert example["exclude"] != ["fold"]
    jobs = parse_jobs(json.dumps({**sweep, "base_model": example}), code="x")
    assert 1 < len(jobs.base_models) < len(jobs.jobs) and sharing_note(jobs) == ""


@pytest.mark.parametrize(
    "value",
    [
        {"grid": {"seed": [0, 1, 2]}},
        {"grid": {"seed": [0, 1, 2], "_note": [1, 2], "prefix": ["a", "b"]}},
        {"zip": {"lr": [0.1, 0.01], "seed": [0, 1]}},
        [{"_note": 1}, {"_note": 2}],
    ],
)
def test_nothing_is_said_where_no_field_less_would_share(value: Any) -> None:
    assert note(value) == ""


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
    assert '["lr"]' in note({"grid": {"_note": [1, 2], "device": [0, 1], "lr": [1, 2], "seed": [0, 1]}})
