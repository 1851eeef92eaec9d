"""A job is read from what lies in its run directory."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from master.core.results.groups import Row
from master.storage.run_layout import RunLayout
from master.view.answers.result_rows import row_of


def a_result(root: Path, job_id: str, metrics: Any, **parameters: Any) -> None:
    folder = root / "experiments" / job_id
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(json.dumps({"job_id": job_id, "parameters": parameters}))
    (folder / "metrics.json").write_text(json.dumps(metrics))


def test_a_job_that_succeeded_has_its_metrics(tmp_path: Path) -> None:
    a_result(tmp_path, "alpha/a", {"f1": 0.5, "name": "x"}, lr=2)
    found = row_of(RunLayout(tmp_path), "alpha/a", "succeeded", {"lr": 1})
    assert found == Row("alpha/a", {"lr": 1}, {"f1": 0.5}, "succeeded")


def test_fields_that_the_journal_does_not_know_are_those_of_the_result(tmp_path: Path) -> None:
    a_result(tmp_path, "a", {"f1": 0.5}, lr=2)
    assert row_of(RunLayout(tmp_path), "a", "succeeded", None).parameters == {"lr": 2}
    assert row_of(RunLayout(tmp_path), "gone", "succeeded", None) == Row("gone", {}, {}, "succeeded")


def test_a_job_that_failed_has_no_metrics_whatever_lies_there(tmp_path: Path) -> None:
    a_result(tmp_path, "a", {"f1": 0.5}, lr=2)
    assert row_of(RunLayout(tmp_path), "a", "failed", {"lr": 2}) == Row("a", {"lr": 2}, {}, "failed")
