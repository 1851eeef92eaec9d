"""Results are read from what lies in a run directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from master.core.results.groups import Row
from master.storage.run_layout import RunLayout
from master.view.answers.result_rows import read_rows


def a_result(
    root: Path, job_id: str, metrics: Any = None, record: str = "job.json", **parameters: Any
) -> Path:
    folder = root / "experiments" / job_id
    folder.mkdir(parents=True)
    (folder / record).write_text(json.dumps({"job_id": job_id, "parameters": parameters}))
    if metrics is not None:
        (folder / "metrics.json").write_text(json.dumps(metrics))
    return folder


def a_log(root: Path, *jobs: dict[str, Any]) -> None:
    (root / "phase2_experiments.json").write_text(json.dumps({"jobs": jobs}))


def test_results_are_read_with_their_parameters_and_metrics(tmp_path: Path) -> None:
    a_result(tmp_path, "alpha/lr=1", {"f1": 0.5, "name": "x"}, lr=1)
    a_result(tmp_path, "alpha/lr=2", lr=2)
    assert read_rows(RunLayout(tmp_path)) == [
        Row("alpha/lr=1", {"lr": 1}, {"f1": 0.5}),
        Row("alpha/lr=2", {"lr": 2}, {}),
    ]


def test_jobs_without_a_result_come_from_the_log(tmp_path: Path) -> None:
    a_result(tmp_path, "a", {"f1": 0.5}, lr=1)
    a_log(
        tmp_path,
        {"job_id": "a", "state": "succeeded", "config": {"lr": 1}},
        {"job_id": "b", "state": "failed", "config": {"lr": 2}},
    )
    assert read_rows(RunLayout(tmp_path))[1] == Row("b", {"lr": 2}, {}, "failed")


def test_base_models_and_files_of_scripts_are_no_results(tmp_path: Path) -> None:
    a_result(tmp_path, "base_models/x", {"loss": 1}, lr=1)
    own = tmp_path / "experiments" / "other"
    own.mkdir(parents=True)
    (own / "job.json").write_text('{"mine": true}')
    moved = a_result(tmp_path, "copied", {"f1": 1.0}, lr=1)
    moved.rename(tmp_path / "experiments" / "copy")
    assert read_rows(RunLayout(tmp_path)) == []


def test_a_record_by_its_other_name_is_read(tmp_path: Path) -> None:
    a_result(tmp_path, "a", {"f1": 0.5}, record="twophase_job.json", lr=1)
    assert [row.job_id for row in read_rows(RunLayout(tmp_path))] == ["a"]


def test_an_empty_directory_has_no_results(tmp_path: Path) -> None:
    assert read_rows(RunLayout(tmp_path)) == []


@pytest.mark.parametrize("text", ["{", "[]", '{"jobs": 3}', "\udc80"])
def test_a_damaged_log_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "phase2_experiments.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ValueError, match="the same command writes it anew"):
        read_rows(RunLayout(tmp_path))
