"""A log whose values are of other kinds is passed over as a whole: it is written anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from master.storage.earlier_log import read_phase_log

ENTRY = {
    "job_id": "alpha/job",
    "success": True,
    "state": "succeeded",
    "start_time": "2026-01-01T00:00:00+00:00",
    "end_time": None,
    "duration_seconds": 1.5,
}
LOG = {"start_time": "a", "end_time": "b", "total_duration_seconds": 2, "slots": 1, "jobs": [ENTRY]}


def read(folder: Path, log: Any) -> Any:
    (folder / "log.json").write_text(json.dumps(log))
    return read_phase_log(folder / "log.json")


def test_a_log_is_read_as_it_was_written(tmp_path: Path) -> None:
    for log in (LOG, {**LOG, "gpus": ["lab1:gpu0"]}, {**LOG, "jobs": []}):
        assert read(tmp_path, log) == log


@pytest.mark.parametrize("key", LOG)
@pytest.mark.parametrize("value", [None, {}, [1], True], ids=str)
def test_other_kinds_of_values_are_passed_over(tmp_path: Path, key: str, value: Any) -> None:
    assert read(tmp_path, {**LOG, key: value}) == {}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("job_id", ["a"]),
        ("success", 1),
        ("state", None),
        ("start_time", 1.5),
        ("end_time", []),
        ("duration_seconds", float("inf")),
        ("worker", 3),
        ("gpu", {}),
    ],
)
def test_an_entry_of_other_kinds_is_passed_over_with_its_log(tmp_path: Path, key: str, value: Any) -> None:
    assert read(tmp_path, {**LOG, "jobs": [{**ENTRY, key: value}]}) == {}


def test_gpus_are_texts(tmp_path: Path) -> None:
    assert read(tmp_path, {**LOG, "gpus": [1]}) == {}
