"""A command line for tests of the commands."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from master.commands import run_two_phase_work
from master.core.planning.workers import PlannedWorker

TRAIN = """
import argparse
parser = argparse.ArgumentParser()
parser.add_argument("--participants", nargs="*")
parser.add_argument("--fold", type=int)
parser.add_argument("--out", default="experiments/base_models/mine")
"""


@pytest.fixture
def argv(tmp_path: Path) -> list[str]:
    """A good command line for a run on this machine, which nothing has been done for."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "train.py").write_text(TRAIN)
    server = {"host": "localhost", "gpus": 0, "cpu_slots": 1, "state_dir": str(tmp_path / "state")}
    (tmp_path / "cluster.json").write_text(json.dumps({"servers": [server]}))
    (tmp_path / "jobs.json").write_text(json.dumps([{"participants": ["a", "b"], "fold": n} for n in (0, 1)]))
    return [
        *("--cluster-config", str(tmp_path / "cluster.json"), "--jobs-config", str(tmp_path / "jobs.json")),
        *("--script-path", str(tmp_path / "src" / "train.py"), "--run-dir", str(tmp_path / "run")),
    ]


def probing(monkeypatch: pytest.MonkeyPatch, *reachable: bool) -> None:
    workers = [PlannedWorker(f"lab{n}", 2, 0, up, "" if up else "down") for n, up in enumerate(reachable)]
    monkeypatch.setattr(run_two_phase_work, "probe_workers", lambda cluster, limited, ahead: workers)
