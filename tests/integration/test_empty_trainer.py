"""A trainer added by the check-list, one folder with one manifest, runs wherever trainers run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.empty_trainer import write_trainer
from tests.support.runs import ROOT
from tests.support.their_packages import write_their_packages

JOBS = [{"lr": lr, "mode": mode} for lr in (0.1, 0.2) for mode in ("fit", "plain")]


class House:
    """A copy of the packages with one trainer more, and a user's folder beside it."""

    def __init__(self, root: Path) -> None:
        self.code, self.user = root / "house", root / "user"
        skipped = shutil.ignore_patterns("__pycache__")
        for name in ("master", "worker_agent"):
            shutil.copytree(ROOT / name, self.code / name, ignore=skipped)
        shutil.copy(ROOT / "twophase.py", self.code)
        (self.code / "trainers").mkdir()
        shutil.copy(ROOT / "trainers" / "__init__.py", self.code / "trainers")
        modes = {"fit": {}, "plain": {"base_model": False}}
        write_trainer(self.code / "trainers", "calm", fine_tuning_fields=["mode"], modes=modes)
        data = {name: str(root / "data") for name in ("trainers", "worker_agent")}
        write_their_packages(root / "data")
        write_their_packages(self.user)
        self.write(
            "cluster.json", {"servers": [{"host": "localhost", "gpus": 0, "cpu_slots": 2}], "data": data}
        )
        self.write("jobs.json", JOBS)

    def write(self, name: str, content: Any) -> None:
        (self.user / name).write_text(json.dumps(content))

    def run(self, command: str, *flags: str) -> dict[str, Any]:
        """Give a command in the user's folder and return the JSON that it prints."""
        env = {**os.environ, "PYTHONPATH": str(self.user), "HOME": str(self.user.parent)}
        done = subprocess.run(
            [sys.executable, str(self.code / "twophase.py"), command, *flags, "--json"],
            **{"cwd": self.user, "env": env, "capture_output": True, "text": True, "timeout": 120},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def run_two_phase(self, *flags: str) -> dict[str, Any]:
        where = ("--cluster-config", "cluster.json", "--jobs-config", "jobs.json", "--trainer", "calm")
        return self.run("run_two_phase", *where, *flags)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_it_is_planned(house: House) -> None:
    analysis = house.run("analyze_jobs", "jobs.json", "--trainer", "calm")
    configs = [base["config"] for base in analysis["base_models"]]
    assert configs == [{"lr": lr, "code": "trainer:calm:1"} for lr in (0.1, 0.2)]
    plan = house.run_two_phase("--dry-run")
    assert len(plan["base_models"]["to_train"]) == 2


@pytest.mark.parametrize("executor", ["process", "warm"])
def test_it_runs_in_two_phases(house: House, executor: str) -> None:
    house.run_two_phase("--executor", executor)
    results = house.user / "experiments"
    bases = sorted(path.read_text().split()[0] for path in results.glob("base_models/*/lr.txt"))
    jobs = sorted(path.read_text().split()[0] for path in results.glob("alpha/*/lr.txt"))
    assert (bases, jobs) == (["0.1", "0.2"], ["0.1", "0.1", "0.2", "0.2"])


def test_it_is_a_script_among_others(house: House) -> None:
    script = house.code / "trainers" / "calm" / "__main__.py"
    listed = {"name": "calm", "script": str(script), "output": "calm_results", "args": {"lr": 0.3}}
    house.write("listed.json", {"jobs": [listed]})
    server = {"host": "localhost", "gpus": 0, "env": {"PYTHONPATH": str(house.code)}}
    house.write("cluster.json", {"servers": [server]})
    done = house.run("run_all_training", "--config", "listed.json", "--cluster-config", "cluster.json")
    assert [(job["state"], job["status"]) for job in done["jobs"]] == [("succeeded", "SUCCESS")]
