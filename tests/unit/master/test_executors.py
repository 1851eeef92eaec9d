"""Which executor a job gets, and which are refused."""

from __future__ import annotations

import json

import pytest

from master.errors import ConfigError, UsageError
from master.executors import check_executors, executor_of
from master.jobs import parse_jobs
from master.specs import JobsSpec


def jobs(*fields: dict[str, object]) -> JobsSpec:
    return parse_jobs(json.dumps([{"lr": index, **more} for index, more in enumerate(fields)]), code="c")


def test_the_job_has_the_last_word() -> None:
    assert executor_of({"executor": "warm"}, "process") == "warm"
    assert executor_of({"executor": None}, "warm") == executor_of({}, "warm") == "warm"


def test_known_executors_are_taken() -> None:
    check_executors(jobs({}, {"executor": "warm"}, {"executor": "process"}, {"executor": None}), "warm")


@pytest.mark.parametrize(
    ("value", "hint"),
    [("wram", "did you mean `warm`"), ("", "allowed are"), (3, "allowed are"), (True, "allowed are")],
)
def test_an_unknown_executor_is_refused_with_its_place(value: object, hint: str) -> None:
    with pytest.raises(ConfigError, match=f"job 2: `executor` is .*: {hint}") as caught:
        check_executors(jobs({}, {"executor": value}), "process")
    assert caught.value.exit_code == 3


def test_an_unknown_executor_for_all_is_refused() -> None:
    with pytest.raises(UsageError, match="--executor is .*fork.*: allowed are .*process, "):
        check_executors(jobs({}), "fork")
