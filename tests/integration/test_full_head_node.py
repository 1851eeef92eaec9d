"""The head node's disk is full: nothing is lost, what to do is said, and nothing is run twice."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import pytest

from master.core.running.lifecycle import Trigger
from tests.integration.agent_harness import until
from tests.support.runs import Run

SCRIPT = """
import argparse, os, time
parser = argparse.ArgumentParser()
parser.add_argument("--seed")
seed = parser.parse_args().seed
with open({tally!r}, "a") as tally: tally.write(seed + "\\n")
open(os.environ["TWOPHASE_OUTPUT_DIR"] + "/out.bin", "wb").write(b"x" * (1 << 20))
time.sleep(0.3)
"""
JOBS = 6


class Place:
    """A run directory on a small disk of its own."""

    def __init__(self, root: Path, disk: Path) -> None:
        self.disk, self.log, self._tally = disk, root / "log", root / "tally"
        script = root / "code" / "train.py"
        script.parent.mkdir()
        script.write_text(SCRIPT.format(tally=str(self._tally)))
        (root / "run").symlink_to(disk)
        server = {"host": "localhost", "gpus": 0, "cpu_slots": 1, "state_dir": str(root / "state")}
        env = {"TWOPHASE_SLOT_DIR": str(root / "slots"), "TWOPHASE_AGENT_IDLE_S": "30"}
        jobs = [{"id": f"job{seed}", "seed": seed} for seed in range(JOBS)]
        self.run = Run(root, [server], jobs, script=script, env=env)

    def fill(self, left: int) -> None:
        """Leave so many bytes, at most; who else writes there may have them before."""
        ballast = os.open(self.disk / "ballast", os.O_WRONLY | os.O_CREAT)
        with contextlib.suppress(OSError):
            while (free := self._free()) > left:
                os.write(ballast, b"x" * min(free - left, 1 << 20))
        os.close(ballast)

    def _free(self) -> int:
        status = os.statvfs(self.disk)
        return status.f_bavail * status.f_frsize

    def make_room(self) -> None:
        (self.disk / "ballast").unlink()

    @property
    def executions(self) -> list[int]:
        return sorted(map(int, self._tally.read_text().split())) if self._tally.exists() else []

    def await_told(self, words: str) -> None:
        until(lambda: self.log.exists() and words in self.log.read_text())


@pytest.fixture
def place(tmp_path: Path, small_disk: Path) -> Place:
    return Place(tmp_path, small_disk)


def test_a_journal_that_cannot_be_written_ends_the_run_and_it_goes_on_later(place: Place) -> None:
    master = place.run.start("--log-file", str(place.log))
    place.await_told("finished  alpha/job0")
    place.fill(0)
    said, _ = master.communicate(timeout=60)
    assert master.returncode == 1, said
    assert "the journal cannot be written" in said and "make room, then give the same command again" in said
    assert "Traceback" not in said
    refused = place.run.finish()
    told = refused.stdout + refused.stderr
    assert refused.returncode == 2 and "No space left on device" in told and "Traceback" not in told
    place.make_room()
    assert place.run.finish().returncode == 0
    assert place.executions == list(range(JOBS))


def test_results_that_do_not_fit_wait_on_their_worker(place: Place) -> None:
    master = place.run.start("--retries", "0", "--log-file", str(place.log))
    place.await_told("finished  alpha/job0")
    place.fill(512 << 10)
    place.await_told("cannot be brought home, will try again")
    place.make_room()
    said, _ = master.communicate(timeout=60)
    assert master.returncode == 0, said
    assert "make room on that disk, nothing is lost meanwhile" in place.log.read_text()
    assert place.executions == list(range(JOBS))
    assert set(place.run.count(Trigger.COLLECT).values()) == {1}
