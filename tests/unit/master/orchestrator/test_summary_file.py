"""The summary of a start."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from master.core.running.lifecycle import State
from master.core.timestamps import Span
from master.orchestrator.arguments import Passed
from master.orchestrator.jobs import TrainingJob
from master.orchestrator.resources import Gpu
from master.orchestrator.run_files import TrainingFiles
from master.orchestrator.summary_file import (
    JobReport,
    Setting,
    build_summary,
    expected_seconds,
    final_exit_code,
    git_commit,
    job_report,
    job_summary,
    write_summary,
)
from tests.unit.master.orchestrator.conftest import state_of


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (State.SUCCEEDED, "succeeded"),
        (State.FAILED, "failed"),
        (State.CANCELLED, "cancelled"),
        (State.READY, "not_run"),
        (State.ASSIGNED, "not_run"),
    ],
)
def test_every_state_has_a_status(files: TrainingFiles, state: State, status: str) -> None:
    job = TrainingJob("train_a", "a", Path("/p/train_a.py"), "a_results", {"epochs": "--epochs"})
    files.published("train_a").mkdir(parents=True)
    so_far = state_of(train_a=state)
    so_far.retired["train_a"] = 3
    report = job_report(job, so_far, Passed(epochs=2), files, Path("/p"))
    assert (report.status, report.attempts) == (status, 2)
    assert report.command == "python train_a.py --epochs 2"
    assert (report.start_time, report.end_time) == (
        "1970-01-01T00:00:00.000+00:00",
        "1970-01-01T00:00:02.500+00:00",
    )
    assert (report.output is not None) is (state is State.SUCCEEDED)


def test_a_job_that_cannot_run_is_invalid_whatever_the_others_do(files: TrainingFiles) -> None:
    job = TrainingJob("train_a", "a", Path("/p/train_a.py"), "a_results", problem="line 3")
    report = job_report(job, None, Passed(), files, Path("/p"))
    assert (report.status, report.error, report.attempts) == ("invalid", "line 3", 0)


KEYS = (
    *("pipeline", "start_time_utc", "end_time_utc", "duration_sec", "git_commit", "python"),
    *("working_directory", "gpu_info", "arguments", "jobs"),
)
JOB_KEYS = (
    *("id", "name", "status", "attempts", "start_time", "end_time", "duration_sec", "optional"),
    *("use_output_dir", "supports_epochs", "supports_folds", "supports_sample", "supports_batch"),
    *("command", "error"),
)


def test_the_summary_has_the_keys_that_other_tools_read_beside_ours(files: TrainingFiles) -> None:
    job = TrainingJob("train_a", "a", Path("/p/train_a.py"), "a_results", {"epochs": "--epochs"})
    reports = [job_report(job, state_of(train_a=State.SUCCEEDED), Passed(epochs=2), files, Path("/p"))]
    setting = Setting(Path("/p"), {"epochs": 2}, {}, [Gpu("0", "A100", 40960)])
    summary = build_summary(reports, setting, Span(0.0, 2.0), 0)
    assert [key for key in KEYS if key not in summary] == []
    assert summary["start_time_utc"] == summary["start_time"] == "1970-01-01T00:00:00.000+00:00"
    assert summary["duration_sec"] == summary["duration_seconds"] == 2.0
    assert summary["gpu_info"] == {
        **{"framework": "system", "cuda_available": True, "device_count": 1, "devices": ["A100"]},
    }
    assert summary["gpus"] == [{"index": "0", "name": "A100", "memory_mib": 40960}]
    (told,) = summary["jobs"]
    assert [key for key in JOB_KEYS if key not in told] == []
    assert (told["status"], told["state"], told["duration_sec"]) == ("SUCCESS", "succeeded", 2.5)
    assert (told["use_output_dir"], told["supports_epochs"], told["supports_batch"]) == (False, True, False)
    assert told["command"] == ["python", "train_a.py", "--epochs", "2"]
    assert told["command_line"] == "python train_a.py --epochs 2"


@pytest.mark.parametrize(
    ("status", "word"),
    [("failed", "FAILED"), ("invalid", "FAILED"), ("cancelled", "INTERRUPTED"), ("not_run", "INTERRUPTED")],
)
def test_a_state_has_the_word_that_other_tools_know(status: str, word: str) -> None:
    report = replace(report_of(status), takes=[], words=[])
    assert (job_summary(report)["status"], job_summary(report)["state"]) == (word, status)


def report_of(status: str, *, optional: bool = False) -> JobReport:
    nothing = dict.fromkeys(JobReport.__dataclass_fields__)
    return JobReport(**{**nothing, "status": status, "optional": optional})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dispatched", "reports", "partial", "code"),
    [
        (0, [("succeeded", False)], False, 0),
        (1, [("succeeded", False), ("failed", False)], False, 1),
        (1, [("succeeded", False), ("failed", True)], False, 0),
        (1, [("succeeded", False), ("failed", False)], True, 0),
        (1, [("failed", False)], True, 1),
        (0, [("succeeded", False), ("invalid", False)], False, 1),
        (0, [("succeeded", False), ("invalid", True)], False, 0),
        (130, [("succeeded", False)], True, 130),
        (4, [("not_run", True)], True, 4),
    ],
)
def test_the_exit_code(dispatched: int, reports: list[tuple[str, bool]], partial: bool, code: int) -> None:
    made = [report_of(status, optional=optional) for status, optional in reports]
    assert final_exit_code(dispatched, made, allow_partial=partial) == code


def test_durations_are_those_of_the_last_success(tmp_path: Path) -> None:
    for stamp, status, seconds in (("1", "succeeded", 5), ("2", "succeeded", 3), ("3", "failed", 9)):
        summary = {"jobs": [{"id": "train_a", "state": status, "duration_seconds": seconds}]}
        write_summary(tmp_path / f"training_summary_{stamp}.json", summary)
    (tmp_path / "training_summary_4.json").write_text("{")
    (tmp_path / "training_summary_5.json").write_text("[]")
    assert expected_seconds(tmp_path) == {"train_a": 3.0}
    assert json.loads((tmp_path / "training_summary_2.json").read_text())["jobs"]


def test_outside_of_a_checkout_there_is_no_commit(tmp_path: Path) -> None:
    assert git_commit(tmp_path) is None
