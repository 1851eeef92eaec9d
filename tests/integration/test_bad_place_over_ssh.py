"""A whole run on a worker behind a real sshd, where a place does its worst: no job pays for it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from master.core.running.lifecycle import Trigger
from tests.integration.agent_harness import until
from tests.integration.ssh_place import started
from tests.support.runs import Run
from tests.support.sshd import LoopbackSshd

pytestmark = pytest.mark.ssh

SCRIPT = """
import argparse, os, time
parser = argparse.ArgumentParser()
parser.add_argument("--seed")
parser.parse_args()
time.sleep(0.5)
open(os.environ["TWOPHASE_OUTPUT_DIR"] + "/out.bin", "wb").write(b"x" * (1 << 20))
"""
JOBS = 8
LEFT = 256 * 1024
RESET = struct.pack("ii", 1, 0)
"""For SO_LINGER: a close that sends no end, but a reset."""


class Door:
    """A port before another one: who comes first is thrown out."""

    def __init__(self, behind: int) -> None:
        self._behind, self._listener = behind, socket.create_server(("127.0.0.1", 0))
        self.port, self.resets = self._listener.getsockname()[1], 0
        self._open: list[socket.socket] = []
        self._passing: list[threading.Thread] = []
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._serving.start()

    def close(self) -> None:
        """Let nobody in any more, and throw out all."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._serving.join()
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for passing in self._passing:
            passing.join()
        for each in (*self._open, self._listener):
            each.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            first, _ = self._listener.accept()
            first.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            first.close()
            self.resets += 1
            while True:
                outside, _ = self._listener.accept()
                self._open.append(outside)
                inside = socket.create_connection(("127.0.0.1", self._behind))
                self._open.append(inside)
                for pair in ((outside, inside), (inside, outside)):
                    self._passing.append(threading.Thread(target=_pass_on, args=pair, daemon=True))
                    self._passing[-1].start()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(1 << 16):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackSshd]:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    with started(tmp_path / "ssh") as sshd:
        yield sshd


@pytest.fixture
def door(sshd: LoopbackSshd) -> Iterator[Door]:
    door = Door(sshd.port)
    sshd.client.add_host("lab", door.port, sshd.user, sshd.host_key)
    yield door
    door.close()


def fill(disk: Path) -> None:
    """Leave so little room that no job's result fits."""
    status = os.statvfs(disk)
    ballast = os.open(disk / "ballast", os.O_WRONLY | os.O_CREAT)
    os.posix_fallocate(ballast, 0, status.f_bavail * status.f_frsize - LEFT)
    os.close(ballast)


def run_on(root: Path, sshd: LoopbackSshd, disk: Path) -> Run:
    """Return a run of short jobs whose only worker has its big files on a small disk."""
    script = root / "code" / "train.py"
    script.parent.mkdir()
    script.write_text(SCRIPT)
    server = {"host": "lab", "gpus": 0, "cpu_slots": 2, "work_dir": str(disk / "work")}
    server["state_dir"] = str(root / "state")
    files = {"ssh_config": str(sshd.client.config), "known_hosts": str(sshd.client.known_hosts)}
    jobs = [{"id": f"job{seed}", "seed": seed} for seed in range(JOBS)]
    env = {"TWOPHASE_AGENT_IDLE_S": "30", "TWOPHASE_SLOT_DIR": str(root / "slots")}
    return Run(root, [server], jobs, script=script, cluster=files, env=env)


def test_a_run_gets_through_a_reset_a_full_disk_and_a_wiped_directory(
    tmp_path: Path, sshd: LoopbackSshd, door: Door, small_disk: Path
) -> None:
    fill(small_disk)
    run, log = run_on(tmp_path, sshd, small_disk), tmp_path / "log"
    master = run.start("--retries", "0", "--log-file", str(log))

    def said(words: str) -> bool:
        return log.exists() and words in log.read_text()

    until(lambda: said("lab: not connected, will try again"))
    until(lambda: said("lab: gets nothing for 5 s"))
    (small_disk / "ballast").unlink()
    until(lambda: said("lab: used again"))
    until(lambda: said("finished  alpha/"))
    shutil.rmtree(small_disk / "work", ignore_errors=True)
    told, _ = master.communicate(timeout=180)
    assert master.returncode == 0, told
    assert door.resets == 1 and "no space left on the disk of" in log.read_text()
    assert run.count(Trigger.COLLECT) == {f"alpha/job{seed}": 1 for seed in range(JOBS)}
    assert not run.count(Trigger.FAIL)
    assert [path.stat().st_size for path in run.layout.experiments.rglob("out.bin")] == [1 << 20] * JOBS
    again = [item for item in run.transitions() if item.trigger is Trigger.RETRY]
    assert again and all(item.note.startswith("worker_fault") for item in again), again
