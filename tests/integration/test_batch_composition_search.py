"""The batch-composition search in one piece: what its steps are, and that they bring results."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "examples" / "batch_composition_search.sh"
FAKE = '#!/bin/sh\nprintf "%s\\n" "$*" >> "$ASKED"\n'


def search(python: Path | str, tmp_path: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    names = {"PYTHON": str(python), "ASKED": str(tmp_path / "asked"), "TWOPHASE_AGENT_IDLE_S": "20"}
    env = {**os.environ, **names, "TWOPHASE_SLOT_DIR": str(tmp_path / "slots")}
    argv = [SCRIPT, "--run-dir", "search", *flags]
    return subprocess.run(argv, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=240)


def test_it_generates_analyses_shows_and_runs(tmp_path: Path) -> None:
    fake = tmp_path / "python"
    fake.write_text(FAKE)
    fake.chmod(0o755)
    (tmp_path / "lab.json").write_text("{}")
    done = search(fake, tmp_path, "--cluster-config", "lab.json", "--retries", "1")
    assert done.returncode == 0, done.stderr
    run, lab = tmp_path / "search", tmp_path / "lab.json"
    command = (
        f"-m twophase run_two_phase --cluster-config {lab} --jobs-config {run}/jobs.json --run-dir {run}"
    )
    assert (tmp_path / "asked").read_text().splitlines() == [
        f"examples/digits_participants.py --output {run}/data/digits --participants 6",
        f"examples/batch_composition.py --output {run}/jobs.json",
        f"-m twophase analyze_jobs {run}/jobs.json --trainer personalization",
        f"{command} --trainer personalization --retries 1 --dry-run",
        f"{command} --trainer personalization --retries 1",
    ]


def test_help_tells_what_it_does(tmp_path: Path) -> None:
    done = search(sys.executable, tmp_path, "--help")
    assert done.returncode == 0 and "[--cluster-config FILE]" in done.stdout
    assert not (tmp_path / "search").exists()


@pytest.mark.slow
def test_fifteen_experiments_come_from_three_base_models(tmp_path: Path) -> None:
    done = search(sys.executable, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    logs = [tmp_path / "search" / f"{name}.json" for name in ("phase1_base_models", "phase2_experiments")]
    assert [json.loads(log.read_text())["successful_jobs"] for log in logs] == [3, 15]
