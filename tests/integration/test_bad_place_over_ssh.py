"""A whole run on a worker behind a real sshd, where a place does its worst: no job pays for it."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import struct
import threading
import time
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
CHUNK = 1 << 16
RESET = struct.pack("ii", 1, 0)
"""For SO_LINGER: a close that sends no end, but a reset."""


class Door:
    """A port before another one: so many who come first are thrown out.

    Who is inside can be made to hear nothing any more, as where a link is half-open.
    """

    def __init__(self, behind: int, most: int, *, bytes_a_second: float = 1e12) -> None:
        self._most, self._pause_s = most, CHUNK / bytes_a_second
        self._deaf = threading.Event()
        self._behind, self._listener = behind, socket.create_server(("127.0.0.1", 0))
        self.port, self.resets = self._listener.getsockname()[1], 0
        self._open: list[socket.socket] = []
        self._passing: list[threading.Thread] = []
        self._serving = threading.Thread(target=self._serve, daemon=True)
        self._serving.start()

    def make_deaf(self) -> None:
        """Let nothing through any more, either way, to or from those who are inside now."""
        self._deaf.set()
        self._deaf = threading.Event()

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
            while self.resets < self._most:
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
                    passing = threading.Thread(target=self._pass_on, args=(*pair, self._deaf), daemon=True)
                    self._passing.append(passing)
                    passing.start()

    def _pass_on(self, source: socket.socket, target: socket.socket, deaf: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK):
                if not deaf.wait(self._pause_s):
                    target.sendall(data)
        with contextlib.suppress(OSError):
            if not deaf.is_set():
                target.shutdown(socket.SHUT_WR)


@pytest.fixture
def sshd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackSshd]:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    with started(tmp_path / "ssh") as sshd:
        yield sshd


@contextlib.contextmanager
def a_door_to(sshd: LoopbackSshd, resets: int = 0, bytes_a_second: float = 1e12) -> Iterator[Door]:
    """Let `lab` be reached through a door."""
    with contextlib.closing(Door(sshd.port, resets, bytes_a_second=bytes_a_second)) as door:
        sshd.client.add_host("lab", door.port, sshd.user, sshd.host_key)
        yield door


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
    jobs = [{"id": f"job{seed}", "seed": seed} for seed in range(JOBS)]
    env = {"TWOPHASE_AGENT_IDLE_S": "30", "TWOPHASE_SLOT_DIR": str(root / "slots")}
    return Run(root, [server], jobs, script=script, cluster=sshd.client.files, env=env)


def test_a_run_gets_through_a_reset_a_full_disk_and_a_wiped_directory(
    tmp_path: Path, sshd: LoopbackSshd, small_disk: Path
) -> None:
    fill(small_disk)
    with a_door_to(sshd, resets=1) as door:
        _get_through(tmp_path, sshd, small_disk)
        assert door.resets == 1


def _get_through(tmp_path: Path, sshd: LoopbackSshd, small_disk: Path) -> None:
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
    assert "no space left on the disk of" in log.read_text()
    assert run.count(Trigger.COLLECT) == {f"alpha/job{seed}": 1 for seed in range(JOBS)}
    assert not run.count(Trigger.FAIL)
    assert [path.stat().st_size for path in run.layout.experiments.rglob("out.bin")] == [1 << 20] * JOBS
    again = [item for item in run.transitions() if item.trigger is Trigger.RETRY]
    assert again and all(item.note.startswith("worker_fault") for item in again), again


@pytest.mark.slow
def test_a_link_that_hears_nothing_while_results_come_home_is_made_anew(
    tmp_path: Path, sshd: LoopbackSshd
) -> None:
    with a_door_to(sshd, bytes_a_second=400_000) as door:
        run, log = run_on(tmp_path, sshd, tmp_path), tmp_path / "log"
        master = run.start("--retries", "0", "--log-file", str(log))
        until(lambda: run.count(Trigger.FINISH))
        time.sleep(1.0)
        door.make_deaf()
        until(
            lambda: log.exists() and "lab: not connected, will try again: silent for 20 s" in log.read_text()
        )
        told, _ = master.communicate(timeout=180)
    assert master.returncode == 0, told
    assert run.count(Trigger.COLLECT) == {f"alpha/job{seed}": 1 for seed in range(JOBS)}
    assert set(run.count(Trigger.START).values()) == {1}
