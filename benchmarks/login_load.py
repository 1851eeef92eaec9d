"""What a run on many seats costs the login host of a Slurm: calls of its programs, and the time of its cores.

The master reaches it over a real sshd; what is counted is that sshd with everything that it starts there: the
connections, shells, looks at the queue, submissions, and one `srun` for each seat.  Jobs sleep.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from master.core.running.lifecycle import Trigger
from tests.support.processes import seconds_of_tree
from tests.support.runs import Run, going_on
from tests.support.slurm import NODES, LocalSlurm
from tests.support.slurm_packages import slurm_programs
from tests.support.sshd import LoopbackSshd

MOST_SQUEUES, MOST_SHARE = 2.0, 0.01
"""A minute, and of one core: what is allowed."""


@dataclass(frozen=True)
class Load:
    """What a login host had to do in a span of time."""

    seconds: float
    cpu_s: float
    calls: dict[str, int]
    """Of Slurm's programs."""

    def told(self) -> dict[str, Any]:
        """Return it as figures."""
        return {
            "seconds": round(self.seconds),
            "share_of_a_core": round(self.cpu_s / self.seconds, 4),
            "squeue_a_minute": round(self.calls["squeue"] * 60 / self.seconds, 2),
            **self.calls,
        }


@dataclass
class Meter:
    """Reads what has been used so far."""

    slurm: LocalSlurm
    sshd: LoopbackSshd

    def read(self) -> Load:
        """Return all since the beginning of time; two readings make a span."""
        calls = {name: len(self.slurm.calls(name)) for name in ("squeue", "sbatch", "srun", "scancel")}
        return Load(time.monotonic(), seconds_of_tree(self.sshd.pid), calls)


def between(first: Load, last: Load) -> Load:
    """Return what came between two readings."""
    calls = {name: count - first.calls[name] for name, count in last.calls.items()}
    return Load(last.seconds - first.seconds, last.cpu_s - first.cpu_s, calls)


def measure(root: Path, seats: int, minutes: float) -> dict[str, dict[str, Any]]:
    """Run jobs on all seats for so long; return what the login host did at first, then, and in all."""
    own_cores = -(-seats // len(NODES))
    with (
        LoopbackSshd(root / "sshd", "MaxStartups 200") as sshd,
        LocalSlurm(root / "slurm", slurm_programs(), cpus=own_cores) as slurm,
    ):
        (sshd.home / ".bash_profile").write_text(f"export PATH={slurm.bin}:$PATH\n")
        meter, run = Meter(slurm, sshd), _run(root, sshd, seats, minutes)
        begun = meter.read()
        with going_on(run) as master:
            while _started(run) < seats and master.poll() is None:
                time.sleep(1.0)
            all_run = meter.read()
            time.sleep(max(0.0, minutes * 60 - 15.0))
            before_end = meter.read()
            said, _ = master.communicate(timeout=600)
            assert master.returncode == 0, said
        ended = meter.read()
    spans = {"start": (begun, all_run), "jobs run": (all_run, before_end), "all": (begun, ended)}
    return {name: between(*span).told() for name, span in spans.items()}


def _started(run: Run) -> int:
    return len(run.count(Trigger.START))


def _run(root: Path, sshd: LoopbackSshd, seats: int, minutes: float) -> Run:
    program = root / "code" / "sleeper"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\nexec sleep {minutes * 60:.0f}\n")
    program.chmod(0o755)
    pool = {"slurm": sshd.name, "name": "hpc", "seats": seats, "queued": seats, "time": "1h", "gpus": 0}
    own = {"python": sys.executable, "state_dir": str(root / "shared"), "cpu_slots": 1}
    files = {"ssh_config": str(sshd.client.config), "known_hosts": str(sshd.client.known_hosts)}
    jobs = {"base_model": False, "jobs": [{"id": f"job{number}"} for number in range(seats)]}
    return Run(root / "run", [], jobs, script=program, cluster={"pools": [{**pool, **own}], **files})


def problems(found: dict[str, dict[str, Any]], seats: int) -> Iterator[str]:
    """Yield what is more than is allowed."""
    if found["jobs run"]["squeue_a_minute"] > MOST_SQUEUES:
        yield f"more than {MOST_SQUEUES:g} squeue a minute"
    if found["all"]["sbatch"] != seats:
        yield f"{found['all']['sbatch']} sbatch for {seats} allocations"
    if found["jobs run"]["share_of_a_core"] > MOST_SHARE:
        yield f"more than {MOST_SHARE:.0%} of a core"


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures as JSON; the exit code is 0 where they are as good as they are to be."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.login_load", description=__doc__)
    parser.add_argument("--seats", type=int, default=50, help="(50)")
    parser.add_argument("--minutes", type=float, default=5.0, help="how long jobs run on all of them (5)")
    asked = parser.parse_args(argv)
    os.environ.pop("TWOPHASE_QUEUE_LOOK_S", None)
    with tempfile.TemporaryDirectory(prefix="load-") as folder:
        os.environ["TWOPHASE_SLOT_DIR"] = f"{folder}/slots"
        found = measure(Path(folder), asked.seats, asked.minutes)
    print(json.dumps(found, indent=1))
    told = list(problems(found, asked.seats))
    for problem in told:
        print(problem, file=sys.stderr)
    return 1 if told else 0


if __name__ == "__main__":
    raise SystemExit(main())
