"""Journals of runs that this machine has really done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from benchmarks.eta.shapes import Recorded
from master.core.running.forecast.future import BASE_MODELS, EXPERIMENTS, Kind
from master.core.running.lifecycle import State
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout

ROOT = Path(__file__).resolve().parents[2]
SLOTS = 4
_SCRIPT = """\
import argparse, os, pathlib, random, time
parser = argparse.ArgumentParser()
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--model")
parser.add_argument("--mode")
flags, _ = parser.parse_known_args()
training = os.environ["TWOPHASE_PHASE"] == "1"
time.sleep((3.0 if training else 0.6) * random.Random(flags.seed).lognormvariate(0, 0.4))
if training:
    pathlib.Path(os.environ["TWOPHASE_BASE_MODEL_DIR"], "model").write_text(flags.model)
"""


def local_run(folder: Path, experiments: int) -> Recorded:
    """Run experiments that sleep, from three base models, on this machine, and return the journal of that."""
    (folder / "train.py").write_text(_SCRIPT)
    server = {"host": "localhost", "gpus": 0, "cpu_slots": SLOTS, "state_dir": str(folder / "state")}
    (folder / "cluster.json").write_text(json.dumps({"servers": [server]}))
    jobs = [{"model": f"m{number % 3}", "seed": number} for number in range(experiments)]
    (folder / "jobs.json").write_text(json.dumps({"jobs": jobs, "base_model": {"include": ["model"]}}))
    words = ("--cluster-config", "cluster.json", "--jobs-config", "jobs.json", "--script-path", "train.py")
    env = {**os.environ, "TWOPHASE_SLOT_DIR": str(folder / "slots"), "TWOPHASE_AGENT_IDLE_S": "5"}
    start = [sys.executable, str(ROOT / "twophase.py"), "run_two_phase", *words, "--quiet"]
    subprocess.run(start, cwd=folder, env=env, check=True, capture_output=True)
    return read(folder, SLOTS)


def read(folder: Path, slots: int | None = None) -> Recorded:
    """Return what the journal of a run directory tells; `slots`, or as many as ran at a time."""
    with closing(Journal(RunLayout(folder).journal)) as journal:
        transitions = sorted(journal.transitions(), key=lambda item: item.at)
    kinds = {item.job_id: _kind(item.job_id) for item in transitions}
    running: set[str] = set()
    most = 1
    for item in transitions:
        (running.add if item.state is State.RUNNING else running.discard)(item.job_id)
        most = max(most, len(running))
    return Recorded(kinds, slots or most, transitions)


def _kind(job_id: str) -> Kind:
    return (BASE_MODELS if job_id.startswith("base_models/") else EXPERIMENTS), ""
