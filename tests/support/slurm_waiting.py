"""A run one of whose jobs waits for an allocation in the queue, while a worker over SSH does the others.

`python -m tests.support.slurm_waiting --minutes 5` lets it wait for so long and says what was told meanwhile.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from master.core.running.lifecycle import State
from tests.support.needs import UnavailableError
from tests.support.runs import Run, going_on, verb
from tests.support.slurm import LocalSlurm
from tests.support.slurm_packages import slurm_programs
from tests.support.slurm_storm import pool, resuming
from tests.support.sshd import LoopbackSshd

GIVE_UP_S = 2.0
"""Seconds after which a run without workers would end: much less than is waited."""
PATIENCE_S = 60.0
SEATS_ALONE, ANYWHERE = "alpha/job0", ("alpha/job1", "alpha/job2")


def wait(root: Path, slurm: LocalSlurm, sshd: LoopbackSshd | None, seconds: float) -> str:
    """Hold all nodes for so long under a run; return what `twophase why` told last.  Raises AssertionError.

    With `sshd` a worker over it does all jobs but one, which only seats may do.
    """
    holder = slurm.command(
        *("sbatch", "--parsable", "--nodes=2", "--exclusive", "--output=/dev/null", "--chdir=/"),
        *(f"--time={math.ceil(seconds / 60) + 1}", "--wrap", "sleep 100000"),
    ).strip()
    try:
        _until(lambda: slurm.jobs().get(holder) == "RUNNING", "the holder runs")
        run = _run(root, sshd)
        with going_on(run, "--give-up-after", f"{GIVE_UP_S:g}s") as master:
            told = _stay(run, slurm, master, seconds, () if sshd is None else ANYWHERE)
            slurm.command("scancel", holder)
            said, _ = master.communicate(timeout=120)
            assert master.returncode == 0, said
    finally:
        with suppress(subprocess.CalledProcessError):  # it has ended
            slurm.command("scancel", holder)
    assert set(run.states().values()) == {State.SUCCEEDED}
    return told


def _run(root: Path, sshd: LoopbackSshd | None) -> Run:
    run = resuming(root, 1 if sshd is None else 1 + len(ANYWHERE), 3)
    if sshd is None:
        return run
    files = {"ssh_config": str(sshd.client.config), "known_hosts": str(sshd.client.known_hosts)}
    plain = {"host": sshd.name, "python": sys.executable, "gpus": 0, "cpu_slots": 1}
    own = {**pool(root), "labels": ["hpc"]}
    run.write("cluster.json", {"servers": [plain], "pools": [own], **files})
    first = {"id": "job0", "steps": 3, "resources": {"labels": ["hpc"]}}
    others = [{"id": job.rpartition("/")[2], "steps": 3} for job in ANYWHERE]
    run.write("jobs.json", {"base_model": False, "jobs": [first, *others]})
    return run


def _stay(
    run: Run, slurm: LocalSlurm, master: subprocess.Popen[str], seconds: float, others: Sequence[str]
) -> str:
    """Look on until others have succeeded; return what is told of the job that waits, once it is in full."""
    begun, told, states = time.monotonic(), "", dict[str, State]()
    while (
        time.monotonic() - begun < seconds
        or not _is_told(told)
        or {states.get(job) for job in others} - {State.SUCCEEDED}
    ):
        states = run.states()
        assert time.monotonic() - begun < seconds + PATIENCE_S, told
        assert master.poll() is None, master.communicate()[0]
        if "PENDING" in slurm.jobs().values():
            told = verb(run, "why", SEATS_ALONE)
        time.sleep(0.3)
    return told


def _is_told(told: str) -> bool:
    return "expected to begin" in told and any(word in told for word in ("Resources", "Priority"))


def _until(is_so: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def main() -> int:
    """Parse, run, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long the allocation waits (5)")
    asked = parser.parse_args()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="waiting-") as name,
            LoopbackSshd(Path(name) / "sshd") as sshd,
            LocalSlurm(Path(name) / "slurm", slurm_programs()) as slurm,
        ):
            os.environ |= {"PATH": slurm.path, "TWOPHASE_QUEUE_LOOK_S": "2"}
            os.environ["TWOPHASE_SLOT_DIR"] = f"{name}/slots"
            (Path(name) / "run").mkdir()
            print(wait(Path(name) / "run", slurm, sshd, asked.minutes * 60).strip())
    except UnavailableError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"waited {asked.minutes:g} minutes, then all jobs succeeded")
    return 0


if __name__ == "__main__":
    sys.exit(main())
