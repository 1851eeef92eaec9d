"""The Slurm of the tests is one: it queues, runs, outlives its controller, and leaves nothing."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.slurm import LocalSlurm
from tests.support.slurm_packages import slurm_programs

pytestmark = pytest.mark.slurm


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _submit(slurm: LocalSlurm, folder: Path, *options: str) -> str:
    where = (f"--chdir={folder}", "--output=/dev/null")
    return slurm.command("sbatch", "--parsable", *where, *options, "--wrap", "sleep 300").strip()


def test_each_node_runs_one_allocation_that_wants_it_whole_and_the_next_waits(
    slurm: LocalSlurm, tmp_path: Path
) -> None:
    ids = [_submit(slurm, tmp_path, "--exclusive") for _ in range(3)]
    _until(lambda: list(slurm.jobs().values()).count("RUNNING") == 2)
    assert [slurm.jobs()[each] for each in ids] == ["RUNNING", "RUNNING", "PENDING"]
    slurm.command("scancel", *ids)
    _until(lambda: not slurm.jobs())


@pytest.mark.usefixtures("slurm")  # skips where there is none
def test_what_runs_outlives_the_controller_and_nothing_outlives_the_end(tmp_path: Path) -> None:
    with LocalSlurm(tmp_path / "slurm", slurm_programs()) as slurm:
        job = _submit(slurm, tmp_path)
        _until(lambda: slurm.jobs() == {job: "RUNNING"})
        slurm.stop_controller()
        before = slurm.steps()
        assert before
        slurm.start_controller()
        slurm.wait_for_controller()
        assert slurm.jobs() == {job: "RUNNING"}
        assert slurm.steps() == before
    assert not slurm.steps()


def test_calls_of_its_programs_are_counted(slurm: LocalSlurm) -> None:
    before = len(slurm.calls("squeue"))
    subprocess.run([slurm.bin / "squeue", "-h", "--format", "%i two words"], check=True)
    assert slurm.calls("squeue")[before:] == ["-h --format %i two words "]
