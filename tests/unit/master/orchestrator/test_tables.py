"""What `--list` shows."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from master.orchestrator.jobs import TrainingJob
from master.orchestrator.tables import print_list

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
