"""Seats of a Slurm share a disk: one copy of what jobs need serves all of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.runs import SCRIPTS, Run
from tests.support.slurm import LocalSlurm
from tests.support.slurm_storm import pool

pytestmark = [pytest.mark.slurm, pytest.mark.timeout(120)]


def test_a_base_model_is_sent_to_one_seat_and_the_other_takes_it_from_the_disk(
    slurm: LocalSlurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is there from an earlier start, on a worker that has no disk in common with them."""
    monkeypatch.setenv("TWOPHASE_SLOT_DIR", str(tmp_path / "slots"))
    monkeypatch.setenv("TWOPHASE_QUEUE_LOOK_S", "0.5")
    monkeypatch.setenv("PATH", slurm.path)
    script, meet = tmp_path / "code" / "train.py", tmp_path / "meet"
    script.parent.mkdir()
    meet.mkdir()
    shutil.copy(SCRIPTS / "train_together.py", script)
    run = Run(tmp_path / "run", [], [], script)
    plain = {"host": "localhost", "gpus": 0, "cpu_slots": 2, "state_dir": str(tmp_path / "plain")}
    seats = pool(tmp_path, cpu_slots=1, work_dir=str(tmp_path / "scratch"))
    told = ""
    for cluster, ids in [({"servers": [plain]}, ("j1", "j2")), ({"pools": [seats]}, ("j3", "j4"))]:
        run.write("cluster.json", cluster)
        asked = [{"seed": 1, "meet": str(meet), "id": name} for name in ids]
        run.write("jobs.json", {"base_model": {"include": ["seed"]}, "jobs": asked})
        for path in meet.iterdir():
            path.unlink()
        done = run.finish(timeout_s=100)
        told = done.stdout + done.stderr
        assert done.returncode == 0, told
        assert len(list(meet.iterdir())) == 2, told
    assert told.count("sent base model") == 1 and told.count("took base model") == 1, told
    files = list((tmp_path / "scratch").rglob("cache/*/model.bin"))
    assert len(files) == 2 and len({path.stat().st_ino for path in files}) == 1
