"""What `--list` shows, and the end."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rich.console import Console

from master.orchestrator.jobs import TrainingJob
from master.orchestrator.summary_file import JobReport
from master.orchestrator.tables import print_list, print_reports

_ALL = {name: f"--{name}" for name in ("epochs", "folds", "sample", "batch-size", "output-dir")}


def test_the_list_can_be_read_at_80_columns() -> None:
    script = Path("/p/src/aimedres/training/train_cardiovascular.py")
    jobs = [
        TrainingJob("train_cardiovascular", "c", script, "c_results", _ALL, optional=True, discovered=False),
        TrainingJob("train_b", "b", Path("/p/train_b.py"), "b_results", problem="does not parse: line 1"),
    ]
    out = io.StringIO()
    print_list(jobs, Path("/p"), Console(file=out, width=80, highlight=False, markup=False, emoji=False))
    assert [line.rstrip() for line in out.getvalue().splitlines()] == [
        "train_cardiovascular  src/aimedres/training/train_cardiovascular.py",
        "    takes --epochs --folds --sample --batch-size --output-dir",
        "    optional, listed in the jobs file",
        "train_b  train_b.py",
        "    cannot run: does not parse: line 1",
        "    takes none of the flags that are passed on",
        "2 jobs",
    ]


def report(name: str, status: str, **more: Any) -> JobReport:
    plain = {key: None for key in JobReport.__annotations__ if key not in {"tail"}}
    return JobReport(**{**plain, "id": name, "status": status, "attempts": 1, **more})


def test_the_end_names_what_did_not_come_home_and_each_way_to_fail_once() -> None:
    left_out = [{"path": "runs/a", "reason": "a socket"}]
    failed = {"error": "exit code 1", "exit_code": 1}
    out = io.StringIO()
    reports = [
        report("train_a", "succeeded", left_out=left_out),
        report("train_b", "failed", **failed, tail="no file /b/1"),
        report("train_c", "failed", **failed, tail="no file /c/2"),
        report("train_d", "failed", **failed, tail="no memory"),
    ]
    print_reports(reports, 2.0, Console(file=out, width=80, highlight=False, markup=False, emoji=False))
    page = out.getvalue()
    assert "What did not come home, and why\ntrain_a: runs/a: a socket\n" in page
    assert "train_b: exit code 1 (and 1 more alike)\n    no file /b/1\ntrain_d: exit code 1\n" in page
