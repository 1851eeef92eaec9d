"""How fast jobs that do nothing are dispatched to a seat of a Slurm, beside a worker over SSH.

Both go over one sshd on this machine: the worker's agent by a channel of it, the seat's by `srun` on it as
the login host, with a real Slurm of two nodes.  Rates are told as by `benchmarks.dispatch`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.dispatch_arms import Arm, Bench, Worker, copy_of_true, two_phase
from tests.support.slurm import LocalSlurm
from tests.support.slurm_packages import slurm_programs
from tests.support.sshd import LoopbackSshd

ROUNDS = 5
"""Of both arms, in turn; the fastest of each counts."""
_SEAT, _SSH = "a seat over ssh and srun", "a worker over ssh"


def measure(bench: Bench) -> list[Arm]:
    """Run both arms in turn; return the fastest of each."""
    program, best = copy_of_true(bench.root / "code" / "noop"), dict[str, Arm]()
    with (
        LoopbackSshd(bench.root / "sshd") as sshd,
        LocalSlurm(bench.root / "slurm", slurm_programs()) as slurm,
    ):
        (sshd.home / ".bash_profile").write_text(f"export PATH={slurm.bin}:$PATH\n")
        files = {"ssh_config": str(sshd.client.config), "known_hosts": str(sshd.client.known_hosts)}
        lent = {"slurm": sshd.name, "name": "hpc", "seats": 1, "time": "30m", "options": ["--exclusive"]}
        ways = {
            _SSH: Worker({"host": sshd.name, "python": sys.executable}, files),
            _SEAT: Worker(cluster=files, pool={**lent, "python": sys.executable}),
        }
        for name, worker in [*ways.items()] * ROUNDS:
            arm = two_phase(name, bench, program, worker)
            print(f"{arm.name}: {arm.per_second:,.0f} a second", file=sys.stderr)
            best[name] = max(arm, best.get(name, arm), key=lambda found: found.per_second)
    return list(best.values())


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seat_dispatch", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000, help="of each arm (1000)")
    options = parser.parse_args()
    os.environ["TWOPHASE_QUEUE_LOOK_S"] = "0.5"
    memory = Path("/dev/shm")
    scratch = memory if memory.is_dir() else Path(tempfile.gettempdir())
    with tempfile.TemporaryDirectory(prefix="seats-") as folder:
        rates = {arm.name: arm.per_second for arm in measure(Bench(Path(folder), scratch, options.jobs))}
    for name, rate in rates.items():
        print(f"{name}: {rate:,.0f} jobs a second")
    print(f"seat over ssh: {rates[_SEAT] / rates[_SSH]:.2f}")


if __name__ == "__main__":
    main()
