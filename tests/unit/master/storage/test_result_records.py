"""Results are read back by what they say of themselves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from master.core.running.lifecycle import State
from master.storage.result_records import code_of, earlier_results, find_record, read_record
from master.storage.run_layout import RunLayout

RECORD = {
    "job_id": "alpha/a",
    "parameters": {"lr": 0.1},
    "attempt": 2,
    "worker": "lab1",
    "slot": "gpu0",
    "duration_seconds": 1.5,
}


def write(result: Path, content: object, name: str = "job.json") -> Path:
    result.mkdir(parents=True, exist_ok=True)
    (result / name).write_text(json.dumps(content))
    return result


def test_a_result_tells_its_job(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path)
    write(layout.result("alpha/a"), RECORD, "twophase_job.json")
    (found,) = earlier_results(layout, ["alpha/a", "alpha/gone"])
    row = found.row
    assert found.config == {"lr": 0.1}
    assert (row.job_id, row.state, row.attempts, row.worker) == ("alpha/a", State.SUCCEEDED, 2, "lab1")
    assert (row.slot, row.duration_s, row.error) == ("gpu0", 1.5, "")


def test_what_a_record_does_not_tell_is_left_open(tmp_path: Path) -> None:
    layout = RunLayout(tmp_path)
    write(layout.result("alpha/a"), {"job_id": "alpha/a", "parameters": {}, "worker": 3, "attempt": None})
    row = earlier_results(layout, ["alpha/a"])[0].row
    assert (row.worker, row.slot, row.attempts, row.duration_s) == (None, None, 0, None)


@pytest.mark.parametrize("content", [[], {"parameters": {"lr": 1}}, {"job_id": "x", "parameters": 3}, "x"])
def test_a_file_of_the_script_is_no_record(tmp_path: Path, content: object) -> None:
    assert read_record(write(tmp_path / "a", content)) is None


def test_the_record_is_the_last_of_the_names_that_are_there(tmp_path: Path) -> None:
    """A script may take any number of them, and write what looks like a record."""
    result = write(tmp_path / "a", {**RECORD, "attempt": 9})
    write(result, [], "twophase_job.json")
    write(result, RECORD, "twophase_job_2.json")
    assert find_record(result) == ("twophase_job_2.json", RECORD)
    assert find_record(tmp_path / "gone") is None


@pytest.mark.parametrize(
    ("code", "short"),
    [
        ({"digest": "script:0123456789ab"}, "01234567"),
        ({"digest": "code:fedcba9876543210"}, "fedcba98"),
        ({"digest": "trainer:personalization:3"}, "personalization:3"),
        ({}, ""),
        (None, ""),
    ],
)
def test_code_is_told_apart(tmp_path: Path, code: Any, short: str) -> None:
    assert code_of(write(tmp_path / "a", {**RECORD, "code": code})) == short
    assert code_of(tmp_path / "none") == ""
