"""From a script of one's own to a table of all results, without a file."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.support.runs import ROOT

SCRIPT = """\
import argparse, json
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--seed", type=int, default=0)
args = parser.parse_args()
json.dump({"loss": args.lr * (args.seed + 1)}, open("metrics.json", "w"))
"""


class Newcomer:
    """Somebody with a script, who has never run anything here."""

    def __init__(self, home: Path) -> None:
        self.folder = home / "project"
        self.folder.mkdir()
        (self.folder / "train.py").write_text(SCRIPT)
        self._env = {**os.environ, "HOME": str(home), "PYTHONPATH": str(ROOT)}

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "master.commands.run_two_phase", "--script-path", "train.py", *words]
        return subprocess.run(
            argv, cwd=self.folder, env=self._env, capture_output=True, text=True, timeout=120, check=False
        )

    def table(self) -> list[dict[str, str]]:
        return list(csv.DictReader((self.folder / "phase2_experiments.csv").read_text().splitlines()))


@pytest.fixture
def newcomer(tmp_path: Path) -> Newcomer:
    return Newcomer(tmp_path)


def losses(rows: Sequence[dict[str, str]]) -> dict[str, float]:
    return {row["job"]: round(float(row["loss"]), 6) for row in rows}


def test_a_sweep_needs_no_file_and_ends_in_a_table(newcomer: Newcomer) -> None:
    grid = ["--grid", "lr=1e-1,1e-2", "--grid", "seed=0..2"]
    planned = newcomer.run(*grid, "--dry-run")
    assert planned.returncode == 0 and "6 experiments" in planned.stdout
    done = newcomer.run(*grid)
    assert done.returncode == 0, done.stderr
    assert "alpha/lr=0.1_seed=2" in done.stdout and "Table:" in done.stdout
    assert losses(newcomer.table()) == {
        f"alpha/lr={rate}_seed={seed}": round(float(rate) * (seed + 1), 6)
        for rate in ("0.1", "0.01")
        for seed in range(3)
    }


def test_names_stay_when_more_varies(newcomer: Newcomer) -> None:
    assert newcomer.run("--grid", "lr=0.1,0.2", "--set", "seed=0").returncode == 0
    more = newcomer.run("--grid", "lr=0.1,0.2", "--grid", "seed=0,1", "--json")
    assert more.returncode == 0, more.stderr
    jobs = {job["job_id"]: job["attempts"] for job in json.loads(more.stdout)["jobs"]}
    assert set(jobs) == {"alpha/lr=0.1", "alpha/lr=0.2", "alpha/lr=0.1_seed=1", "alpha/lr=0.2_seed=1"}


def test_a_template_that_meets_an_earlier_job_tells_the_fields(newcomer: Newcomer) -> None:
    assert newcomer.run("--grid", "lr=0.1,0.2", "--set", "id=rate{lr}").returncode == 0
    refused = newcomer.run("--grid", "lr=0.1,0.2", "--set", "id=rate{lr}", "--set", "seed=1")
    assert refused.returncode == 3
    assert "`id` is `alpha/rate0.1`, which an earlier job" in refused.stderr
    assert "`seed` was not given and is `1`; give this job another `id`" in refused.stderr


def test_only_machines_with_the_label_get_the_job(newcomer: Newcomer) -> None:
    servers = [
        {
            "host": "localhost",
            "user": name,
            "gpus": 0,
            "cpu_slots": 2,
            "labels": [name],
            "state_dir": f"~/{name}",
        }
        for name in ("small", "big")
    ]
    (newcomer.folder / "cluster.json").write_text(json.dumps({"servers": servers}))
    config = ["--cluster-config", "cluster.json", "--grid", "lr=0.1,0.2,0.3,0.4"]
    refused = newcomer.run(*config, "--set", 'resources={"labels": ["bigg"]}')
    assert refused.returncode == 3
    assert "no server has the label `bigg`: did you mean `big`?" in refused.stderr
    done = newcomer.run(*config, "--set", 'resources={"labels": ["big"], "cpus": 1}')
    assert done.returncode == 0, done.stderr
    assert {row["worker"] for row in newcomer.table()} == {"big@localhost"}
