"""Every verb that reads, with a worker behind an sshd: beside a master, after its death, after the run."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import twophase
from tests.integration.ssh_place import await_true, started
from tests.support.runs import Run

pytestmark = pytest.mark.ssh
SCRIPT = """
import argparse, json, os, pathlib, sys, time
flags = argparse.ArgumentParser()
flags.add_argument("--lr", type=float)
flags.add_argument("--seed", type=int)
flags.add_argument("--folder", type=pathlib.Path)
flags.add_argument("--mode")
job = flags.parse_args()
print("training", job.lr, flush=True)
if os.environ["TWOPHASE_PHASE"] == "1":
    pathlib.Path(os.environ["TWOPHASE_BASE_MODEL_DIR"], "model.json").write_text("{}")
elif job.lr > 0.05:
    sys.exit("no luck")
else:
    while not (job.folder / "go").exists():
        time.sleep(0.02)
    print("done")
    pathlib.Path(os.environ["TWOPHASE_OUTPUT_DIR"], "metrics.json").write_text(json.dumps({"loss": job.lr}))
"""
SLOW, BAD = "slow", "bad"


class Lab:
    """A run on a worker behind an sshd, and the verbs that a user gives beside it."""

    def __init__(self, root: Path, run: Run) -> None:
        self.root, self.run = root, run

    def start(self) -> subprocess.Popen[str]:
        """Start the master, and wait until the job that waits for its test runs, and the other has failed."""
        master = self.run.start("--retries", "0")
        wanted = {"running": 1, "failed": 1, "succeeded": 1}
        await_true(lambda: master.poll() is not None or self.counts() == wanted)
        assert master.poll() is None, master.communicate()
        return master

    def tell(self, *words: str, code: int = 0) -> str:
        """Return what `twophase` prints; it must end with this code."""
        argv = [sys.executable, twophase.__file__, *words]
        done = subprocess.run(argv, cwd=self.root, env=self.run.environ(), capture_output=True, text=True)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def json(self, verb: str, *words: str, code: int = 0) -> Any:
        return json.loads(self.tell(verb, *words, "--run", "run", "--json", code=code))

    def counts(self) -> Any:
        """Return how many jobs are in which state; None before there is a run."""
        return self.json("ps")["counts"] if self.run.transitions() else None


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    root = tmp_path_factory.mktemp("lab")
    with started(root / "ssh") as sshd, pytest.MonkeyPatch.context() as patch:
        patch.delenv("SSH_AUTH_SOCK", raising=False)
        script = root / "code" / "train.py"
        script.parent.mkdir()
        script.write_text(SCRIPT)
        both = ({"id": SLOW, "lr": 0.01}, {"id": BAD, "lr": 0.1})
        jobs = {
            "base_model": {"include": ["seed"]},
            "jobs": [{**each, "seed": 7, "folder": str(root)} for each in both],
        }
        env = {"TWOPHASE_SLOT_DIR": str(root / "slots"), "HOME": str(root)}
        server = {"host": sshd.name, "gpus": 0, "cpu_slots": 2}
        yield Lab(root, Run(root, [server], jobs, script, cluster=sshd.client.files, env=env))


def test_reading_is_possible_with_a_master_after_its_death_and_after_the_run(lab: Lab) -> None:
    master = lab.start()
    told = lab.json("why", SLOW)
    assert told["asked"] and told["says"].startswith("runs on loopback")
    master.kill()
    master.communicate()
    check_after_its_death(lab)
    again = lab.start()
    await_true(lambda: lab.json("why", SLOW)["asked"])
    follow = [sys.executable, twophase.__file__, "logs", "-f", SLOW, "--run", str(lab.root / "run")]
    got = lab.root / "got"
    with got.open("wb") as stream:
        follower = subprocess.Popen(follow, stdout=stream, env=lab.run.environ())
    await_true(lambda: got.read_text() == "training 0.01\n")
    (lab.root / "go").touch()
    assert follower.wait(60) == 0 and got.read_text() == "training 0.01\ndone\n"
    out, _ = again.communicate(timeout=60)
    assert again.returncode == 1, out
    check_after_the_run(lab)


def check_after_its_death(lab: Lab) -> None:
    """Assert what the verbs tell where a master was killed, and its job goes on."""
    states = {job["job_id"].rpartition("/")[2]: job["state"] for job in lab.json("ps")["jobs"]}
    assert states[SLOW] == "running" and states[BAD] == "failed"
    why = lab.json("why", SLOW)
    assert not why["asked"] and "no master of this machine works in this run" in why["says"]
    assert "its log comes home when it ends" in lab.json("logs", SLOW, code=1)["where"]
    assert lab.tell("logs", "-f", SLOW, "--run", "run", code=5) == ""


def check_after_the_run(lab: Lab) -> None:
    """Assert what the verbs tell of a run that is over."""
    assert lab.json("ps", "--failed")["matching"] == 1
    assert lab.tell("logs", "-f", BAD, "--run", "run", code=4) == "training 0.1\nno luck\n"
    assert "has failed" in lab.json("why", BAD)["says"]
    means = [group["metrics"].get("loss", {}).get("mean") for group in lab.json("results")["groups"]]
    assert 0.01 in means
    (base,) = lab.json("base", "verify")["base_models"]
    assert lab.json("hash", "diff", SLOW, BAD)["same"]
    assert base["problem"] is None and base["worker"] == "loopback"
    config = ("--cluster-config", "cluster.json", "--json")
    (machine,) = json.loads(lab.tell("top", *config))["machines"]
    assert machine["slots"] == 2 and machine["problem"] is None
    (cache,) = json.loads(lab.tell("cache", "ls", *config))["workers"]
    assert cache["problem"] is None
    (worker,) = json.loads(lab.tell("doctor", *config))["workers"]
    assert worker["health"] != "broken"
