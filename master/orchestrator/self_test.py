"""Does this machine run jobs as it should?  The real command runs tiny scripts in a directory of their own.

They succeed, fail, crash, hang, flood their log and leave children behind, and each must end as expected.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.text import Text

from master.core.exit_codes import EXIT_SOME_FAILED
from master.core.harmless import clean
from master.orchestrator.self_test_scripts import EPOCHS, PROBES, Job, Probe
from master.view.tables import new_table, stdout_console
from worker_agent.protocol.script_contract import JOB_ID

COMMAND = "verify"
_PATIENCE_S = 600.0
_JOBS_FILE = "jobs.json"
_START = Path(__file__).resolve().parents[2] / "twophase.py"
_MARK = "TWOPHASE_VERIFY"
"""Set for the command, and so for all that it starts."""


@dataclass(frozen=True)
class Check:
    """A line of the table."""

    check: str
    expected: str
    found: str
    passed: bool


def main(argv: Sequence[str]) -> int:
    """Run the probes, show what became of each, and return 0 if all ended as expected, else 1."""
    parser = argparse.ArgumentParser(prog=f"run_all_training {COMMAND}", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="run-all-training-") as folder:
        checks = verify(Path(folder))
    passed = all(check.passed for check in checks)
    if options.json:
        print(json.dumps({"passed": passed, "checks": [asdict(check) for check in checks]}, indent=2))
    else:
        _print(checks)
    return 0 if passed else 1


def verify(root: Path) -> list[Check]:
    """Run the probes below `root`, an empty directory, and return what was found."""
    _write(root)
    done = _run(root)
    try:
        jobs = {job["id"]: job for job in json.loads(done.stdout)["jobs"]}
    except (ValueError, KeyError):
        said = done.stderr.strip().splitlines()[-1:] or ["nothing was said"]
        return [Check("the command", "a summary", f"exit code {done.returncode}: {clean(said[0])}", False)]
    left = list(_jobs_left(root))
    return [
        *(_check(probe, jobs.get(probe.job_id)) for probe in PROBES),
        Check("exit code", str(EXIT_SOME_FAILED), str(done.returncode), done.returncode == EXIT_SOME_FAILED),
        Check("processes left behind", "none", ", ".join(left) or "none", not left),
    ]


def _write(root: Path) -> None:
    for probe in PROBES:
        (root / f"{probe.job_id}.py").write_text(probe.source, encoding="utf-8")
    listed = [{"script": f"{probe.job_id}.py", **probe.settings} for probe in PROBES if probe.settings]
    (root / _JOBS_FILE).write_text(json.dumps({"jobs": listed}), encoding="utf-8")


def _run(root: Path) -> subprocess.CompletedProcess[str]:
    argv = [
        *(sys.executable, str(_START), "run_all_training", "--config", _JOBS_FILE, "--json"),
        *("--parallel", "--max-workers", "2", "--retries", "1", "--epochs", str(EPOCHS)),
    ]
    env = {**os.environ, _MARK: root.name}
    return subprocess.run(argv, cwd=root, env=env, capture_output=True, text=True, timeout=_PATIENCE_S)


def _check(probe: Probe, job: Job | None) -> Check:
    if job is None:
        return Check(probe.name, probe.expected, "not in the summary", False)
    try:
        passed = probe.passes(job)
    except (OSError, TypeError) as error:
        return Check(probe.name, probe.expected, f"{_ending(job)}; {error}", False)
    return Check(probe.name, probe.expected, _ending(job), passed)


def _ending(job: Mapping[str, Any]) -> str:
    tries = f" after {job['attempts']} tries" if job["attempts"] > 1 else ""
    return f"{job['state']}{tries}" + (f": {clean(job['error'])}" if job["error"] else "")


def _jobs_left(root: Path) -> Iterator[str]:
    """Yield number and command of what was started for a job and still lives."""
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            environment = entry.read_bytes().split(b"\0")
            ours = os.fsencode(f"{_MARK}={root.name}") in environment
            if ours and any(word.startswith(os.fsencode(f"{JOB_ID}=")) for word in environment):
                words = (entry.parent / "cmdline").read_bytes().split(b"\0")
                yield clean(f"{entry.parent.name} {b' '.join(words).decode(errors='replace')}")


def _print(checks: Sequence[Check]) -> None:
    table = new_table("Verification", "check", "expected", "reason", "")
    table.columns[2].header = "found"
    for check in checks:
        verdict = Text("passed", "green") if check.passed else Text("FAILED", "red")
        table.add_row(check.check, check.expected, check.found, verdict)
    console = stdout_console()
    console.print(table)
    console.print(f"{sum(check.passed for check in checks)} of {len(checks)} checks passed.")
