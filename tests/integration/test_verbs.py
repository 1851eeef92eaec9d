"""The program `twophase`, from a run to all that is asked of it afterwards, its master gone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import twophase

SCRIPT = """
import argparse, json, os, pathlib, sys
flags = argparse.ArgumentParser()
flags.add_argument("--lr", type=float)
flags.add_argument("--seed", type=int)
flags.add_argument("--mode")
job = flags.parse_args()
print("training", job.lr)
if os.environ["TWOPHASE_PHASE"] == "1":
    pathlib.Path(os.environ["TWOPHASE_BASE_MODEL_DIR"], "model.json").write_text("{}")
elif job.lr > 0.05:
    sys.exit("no luck")
else:
    pathlib.Path(os.environ["TWOPHASE_OUTPUT_DIR"], "metrics.json").write_text(json.dumps({"loss": job.lr}))
"""


def told(folder: Path, *words: str, code: int = 0) -> str:
    """Return what `twophase` prints; it must end with this code."""
    argv = [sys.executable, twophase.__file__, *words]
    done = subprocess.run(argv, cwd=folder, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the directory of a run of two jobs, one of which failed."""
    folder = tmp_path_factory.mktemp("search")
    (folder / "train.py").write_text(SCRIPT)
    (folder / "base.json").write_text('{"base_model": {"include": ["seed"]}}')
    grid = ("--grid", "lr=0.1,0.01", "--grid", "seed=7")
    words = ("--jobs-config", "base.json", "--script-path", "train.py", *grid, "--retries", "0", "--quiet")
    told(folder, "run", *words, code=1)
    return folder


def as_json(folder: Path, *words: str) -> Any:
    """Return what `twophase` prints as JSON."""
    return json.loads(told(folder, *words, "--json"))


def test_jobs_are_listed_from_any_directory(searched: Path, tmp_path: Path) -> None:
    listed = as_json(tmp_path, "ps", "--run", str(searched), "--where", "lr=0.1")
    assert [(job["job_id"], job["state"]) for job in listed["jobs"]] == [("alpha/lr=0.1_seed=7", "failed")]
    assert listed["counts"] == {"succeeded": 2, "failed": 1}


def test_what_a_job_wrote_is_shown(searched: Path) -> None:
    assert told(searched, "logs", "lr=0.1_seed=7") == "training 0.1\nno luck\n"


def test_both_jobs_start_from_one_base_model_that_is_whole(searched: Path) -> None:
    found = as_json(searched, "hash", "diff", "lr=0.1_seed=7", "lr=0.01_seed=7")
    (base,) = as_json(searched, "base", "verify")["base_models"]
    assert found["same"] and base["spec_hash"] == found["jobs"][0]["spec_hash"] and base["jobs"] == 2


def test_a_plan_starts_nothing(searched: Path, tmp_path: Path) -> None:
    words = ("--script-path", str(searched / "train.py"), "--grid", "lr=1,2", "--json")
    assert json.loads(told(tmp_path, "plan", *words))["jobs"] == 2
    assert not (tmp_path / ".twophase").exists()
