"""Where things are written."""

from __future__ import annotations

import time
from pathlib import Path

from master.orchestrator.run_files import TrainingFiles, new_stamp
from tests.unit.master.orchestrator.conftest import STAMP


def test_logs_are_named_by_job_start_and_try(files: TrainingFiles, tmp_path: Path) -> None:
    folder = tmp_path / "logs" / "train_a"
    assert files.log("train_a", 1) == folder / f"run_{STAMP}.log"
    assert files.log("train_a", 2) == folder / f"run_{STAMP}_try2.log"


def test_a_stamp_is_never_given_twice(tmp_path: Path) -> None:
    now = time.mktime((2025, 3, 1, 10, 0, 0, 0, 0, -1))
    assert new_stamp(tmp_path, now) == STAMP
    TrainingFiles(tmp_path, summary_dir=tmp_path, stamp=STAMP).summary.touch()
    assert new_stamp(tmp_path, now) == f"{STAMP}_2"


def test_secrets_are_no_part_of_a_project(tmp_path: Path) -> None:
    files = TrainingFiles(tmp_path / "results", secrets=(tmp_path / "told",))
    assert tmp_path / "told" in files.own_folders
