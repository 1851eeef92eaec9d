"""A log is followed as it is written: over SSH, across a cut link, to the next try on another worker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import twophase
from tests.integration import ssh_place
from tests.integration.ssh_place import await_true, started
from tests.support.runs import ROOT, SCRIPTS, Run
from tests.support.scripts.train_noisy import PIECE_BYTES, noise
from tests.support.sshd import LoopbackSshd

pytestmark = pytest.mark.ssh

MB = int(os.environ.get("TWOPHASE_TEST_LOG_MB", "4"))
"""How much the first try writes; by hand, 100."""
PIECES = MB * 1_000_000 // PIECE_BYTES


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    monkeypatch.setattr(ssh_place, "PATIENCE_S", 30 + MB)


def run_of(root: Path, sshd: LoopbackSshd) -> Run:
    """Return a run of one job that two workers may take, both behind one sshd."""
    sshd.client.add_host("lab2", sshd.port, sshd.user, sshd.host_key)
    servers = [
        {"host": host, "gpus": 0, "cpu_slots": 1, "state_dir": f"~/{host}"} for host in (sshd.name, "lab2")
    ]
    files = {**sshd.client.files, "log_limit": "1GB"}
    jobs = {"base_model": False, "jobs": [{"id": "noisy", "folder": str(root), "pieces": PIECES}]}
    env = {"TWOPHASE_SLOT_DIR": str(root / "slots"), "TWOPHASE_AGENT_IDLE_S": "20"}
    return Run(root, servers, jobs, SCRIPTS / "train_noisy.py", cluster=files, env=env)


def follower(root: Path, run: Run) -> subprocess.Popen[bytes]:
    """Start to follow the job into a file."""
    argv = [sys.executable, twophase.__file__, "logs", "-f", "noisy", "--tail", "9999999"]
    with (root / "got").open("wb") as out, (root / "said").open("wb") as err:
        where = ("--run", str(run.layout.root))
        return subprocess.Popen([*argv, *where], stdout=out, stderr=err, env=run.environ(), cwd=ROOT)


def test_all_that_two_tries_write_comes_across_a_cut_link(tmp_path: Path) -> None:
    first = b"ready\n" + b"".join(noise(1, PIECES))
    got, said = tmp_path / "got", tmp_path / "said"
    with started(tmp_path / "ssh") as sshd:
        run = run_of(tmp_path, sshd)
        master = run.start("--retries", "1")
        try:
            await_true(lambda: "alpha/noisy" in run.states() or master.poll() is not None)
            following = follower(tmp_path, run)
            await_true(lambda: got.read_bytes() == b"ready\n" or master.poll() is not None)
            (tmp_path / "begin").touch()
            await_true(lambda: got.stat().st_size > PIECES // 2 * PIECE_BYTES)
            sshd.drop_connections()
            (tmp_path / "cut").touch()
            await_true(lambda: got.stat().st_size == len(first))
            (tmp_path / "fail").touch()
            assert following.wait(60) == 0, said.read_text()
        finally:
            for name in ("begin", "cut", "fail"):
                (tmp_path / name).touch()
            out, _ = master.communicate(timeout=120)
    assert master.returncode == 0, out
    assert got.read_bytes() == first + b"no luck\nready\n" + b"".join(noise(2, 3))
    told = said.read_text()
    assert "is not connected: its log goes on when it is back" in told and "try 2 on " in told, told
    assert "were cut here" not in told
