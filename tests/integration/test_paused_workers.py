"""A run on a worker whose disk is full: no job fails, the reason is told, and it is used again."""

from __future__ import annotations

import os
from pathlib import Path

from master.core.running.lifecycle import Trigger
from tests.integration.agent_harness import until
from tests.support.runs import Run

SCRIPT = """
import argparse, os, time
parser = argparse.ArgumentParser()
parser.add_argument("--seed")
parser.parse_args()
open(os.environ["TWOPHASE_OUTPUT_DIR"] + "/out.bin", "wb").write(b"x" * (1 << 20))
time.sleep(0.2)
"""
LEFT = 256 * 1024


def fill(folder: Path) -> None:
    """Leave so little room that no job's result fits."""
    status = os.statvfs(folder)
    with (folder / "ballast").open("wb") as stream:
        stream.write(b"x" * (status.f_bavail * status.f_frsize - LEFT))


def test_a_worker_whose_disk_is_full_is_used_again_once_there_is_room(
    tmp_path: Path, small_disk: Path
) -> None:
    fill(small_disk)
    script, log = tmp_path / "code" / "train.py", tmp_path / "log"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    server = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "work_dir": str(small_disk)}
    env = {"TWOPHASE_AGENT_IDLE_S": "20", "TWOPHASE_SLOT_DIR": str(tmp_path / "slots")}
    jobs = [{"id": f"job{seed}", "seed": seed} for seed in range(4)]
    servers = [{**server, "state_dir": str(tmp_path / "state")}]
    run = Run(tmp_path, servers, jobs, script=script, env=env)
    master = run.start("--retries", "0", "--log-file", str(log))
    until(lambda: log.exists() and "gets nothing for 5 s" in log.read_text())
    (small_disk / "ballast").unlink()
    said, _ = master.communicate(timeout=120)
    assert master.returncode == 0, said
    told = log.read_text()
    assert "no space left on the disk of" in told and "localhost: used again" in told
    assert set(run.count(Trigger.COLLECT)) == {f"alpha/job{seed}" for seed in range(4)}
