"""Tiny scripts for `run_all_training verify`, each with how it must end."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Job = Mapping[str, Any]
"""An entry of the summary."""

EPOCHS = 3
"""What the command passes on."""
_HANG_S = 2
_FLOOD_LINES = 32 * 1024
"""Of 1 KiB."""


@dataclass(frozen=True)
class Probe:
    """A script and how it must end."""

    name: str
    """Of the file, after `train_`."""
    source: str
    expected: str
    passes: Callable[[Job], bool]
    settings: Mapping[str, Any] = field(default_factory=dict)
    """In the jobs file; without any the script is left to be discovered."""

    @property
    def job_id(self) -> str:
        return f"train_{self.name}"


def _log(job: Job) -> str:
    return Path(job["log"]).read_text(encoding="utf-8", errors="replace")


def _result(job: Job, name: str) -> str:
    return Path(job["output"], name).read_text(encoding="utf-8")


_SUCCEEDS = """\
import argparse, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int)
parser.add_argument("--output-dir", type=pathlib.Path)
options = parser.parse_args()
(options.output_dir / "epochs").write_text(str(options.epochs))
"""
_WRITES = """\
import pathlib
pathlib.Path("plots").mkdir()
pathlib.Path("plots", "loss").write_text("0.5")
"""
_FAILS = """\
import sys
sys.exit("there is no data")
"""
_AT_FIRST = """\
import os, sys
sys.exit(os.environ["TWOPHASE_ATTEMPT"] == "1")
"""
_CRASHES = """\
import os, resource, signal
resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
os.kill(os.getpid(), signal.SIGSEGV)
"""
_HANGS = """\
import time
time.sleep(3600)
"""
_FLOODS = f"""\
for _ in range({_FLOOD_LINES}):
    print("x" * 1023)
print("the end")
"""
_CHILD = """\
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"], start_new_session=True)
"""

PROBES = (
    Probe(
        "succeeds",
        _SUCCEEDS,
        "succeeded, its results here",
        lambda job: job["state"] == "succeeded" and _result(job, "epochs") == str(EPOCHS),
    ),
    Probe(
        "writes_where_it_stands",
        _WRITES,
        "succeeded, its results here",
        lambda job: job["state"] == "succeeded" and _result(job, "plots/loss") == "0.5",
    ),
    Probe(
        "fails",
        _FAILS,
        "failed, its words in the log",
        lambda job: job["exit_code"] == 1 and job["attempts"] == 2 and "there is no data" in _log(job),
    ),
    Probe(
        "fails_at_first",
        _AT_FIRST,
        "succeeded at the second try",
        lambda job: job["state"] == "succeeded" and job["attempts"] == 2,
    ),
    Probe(
        "crashes",
        _CRASHES,
        "failed by signal 11",
        lambda job: job["state"] == "failed" and job["exit_code"] == -signal.SIGSEGV,
    ),
    Probe(
        "hangs",
        _HANGS,
        "stopped at its time limit",
        lambda job: job["state"] == "failed" and "time limit" in job["error"],
        {"timeout": _HANG_S},
    ),
    Probe(
        "floods_its_log",
        _FLOODS,
        "succeeded, the end of its log here",
        lambda job: job["state"] == "succeeded" and _log(job).endswith("the end\n"),
    ),
    Probe(
        "leaves_a_child",
        _CHILD,
        "succeeded, its child gone",
        lambda job: job["state"] == "succeeded",
    ),
    Probe(
        "is_not_python",
        "def (:\n",
        "not started",
        lambda job: job["state"] == "invalid" and job["attempts"] == 0,
    ),
)
