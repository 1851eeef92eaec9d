"""How long a base model takes to all workers of a lab: by rsync from the master, and from worker to worker.

Master and workers are network namespaces with links of limited rates, each worker with sshd and a real agent.
The rsync is a master's.  In the chain the first worker is fed by it, and passes on what has come;
who feeds whom is given, as a master would have decided it.  The ideal is the time in which one link carries
the model once.  A chain takes longer by 4 MiB for each worker, as each checks a piece before it passes it on.
All arms follow each other in one run.  Needs root, iproute2, rsync and OpenSSH's server.

    python -m benchmarks.spreading
    python -m benchmarks.spreading --quick --json
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.lab_network import Lab, LabError, Machine, sshd_at
from master.adapters.peers.chunking import chunks_of
from master.adapters.peers.run_ca import RunAuthority
from master.adapters.rsync import push_argv
from tests.support.agent_master import AgentMaster
from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.fetching import Fetched, FetchFailed
from worker_agent.protocol.artefacts.peering import CHUNK_BYTES, Chunks, Serve, Serving, Take
from worker_agent.protocol.digests import content_hash, digest_directory
from worker_agent.protocol.layout import WorkLayout
from worker_agent.protocol.lines import PREAMBLE

ROOT = Path(__file__).resolve().parents[1]
WORKERS = 8
MBIT, QUICK_MBIT = 200.0, 100.0
MIB, QUICK_MIB = 256, 32
SLOWER = 4.0
"""So many times slower is the one that is slow."""


@dataclass(frozen=True)
class Model:
    """What is to come to all workers."""

    path: Path
    content_hash: str
    chunks: Chunks

    @classmethod
    def made(cls, path: Path, mib: int) -> Model:
        """Return one of random bytes, which nothing makes shorter."""
        path.mkdir()
        (path / "weights.pt").write_bytes(os.urandom(mib << 20))
        chunks = chunks_of(path)
        assert chunks is not None
        return cls(path, content_hash(digest_directory(path)), chunks)


class Worker(AgentMaster):
    """A worker's agent, and the connection of a master to it."""

    def __init__(self, name: str, machine: Machine, master: Machine, home: Path) -> None:
        """Start the agent; `greet` waits for it."""
        super().__init__(PREAMBLE)
        self.name, self.machine = name, machine
        session = f"{master.address} 50000 {machine.address} 22"
        own = {"SSH_CONNECTION": session, "TWOPHASE_SLOT_DIR": str(home / "slots"), "PYTHONPATH": str(ROOT)}
        call = ["connect", "--state-dir", str(home / name), "--run-id", "r1", "--digest", "d1"]
        argv = machine.argv([sys.executable, "-m", "worker_agent", *call])
        self._process = subprocess.Popen(argv, stdin=-1, stdout=-1, env={**os.environ, **own})
        self.send(msg.Hello(msg.PROTOCOL, "r1", 1, msg.Settings(cpu_slots=1)))
        self.work_dir = Path()

    def greet(self, peering: msg.Message) -> None:
        """Wait until the agent is there, and tell it who it is to the others."""
        welcome = self.wait(lambda item: isinstance(item, (msg.Welcome, msg.Refused)))
        if not isinstance(welcome, msg.Welcome) or not welcome.facts.peers:
            raise LabError(f"{self.name} cannot serve others: {welcome}")
        self.work_dir = Path(welcome.work_dir)
        self.send(peering)

    def send_bytes(self, data: bytes) -> None:
        """Say something to the agent."""
        assert self._process.stdin
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def receive(self, timeout_s: float) -> bytes:
        """Return what it has said."""
        assert self._process.stdout
        return os.read(self._process.stdout.fileno(), 1 << 16)

    def wait(self, wanted: Callable[[Any], object]) -> Any:
        """Return the next message that is wanted, however long that takes: a star of eight takes minutes."""
        while True:
            while self._unread:
                message = self._unread.pop(0)
                if wanted(message):
                    return message
            if not self.read():
                raise LabError(f"the agent of {self.name} has gone; what it said is in its agent.log")

    def await_model(self) -> float:
        """Wait until the model is here and was checked; return when that was."""
        found = self.wait(lambda item: isinstance(item, (Fetched, FetchFailed, msg.Rejected)))
        if not isinstance(found, Fetched):
            raise LabError(f"{self.name}: {found}")
        return time.monotonic()

    def end(self) -> None:
        """End the agent."""
        self.send(msg.Shutdown())
        while self.read():
            pass
        self._process.communicate()


@dataclass(frozen=True)
class Place:
    """A lab with its workers."""

    master: Machine
    workers: Sequence[Worker]
    ssh: Sequence[str]

    def push(self, model: Model, worker: Worker) -> None:
        """Send the model as a master does, and tell the agent."""
        target = WorkLayout(worker.work_dir).incoming("r1", model.content_hash)
        shell = self.master.argv(self.ssh)
        subprocess.run(push_argv(model.path, str(target), worker.machine.address, shell), check=True)
        worker.send(msg.Delivered(model.content_hash), msg.Fetch(model.content_hash))


def star(place: Place, model: Model) -> list[float]:
    """Send the model from the master to all at once; return when each had it."""
    pushes = [threading.Thread(target=place.push, args=(model, one)) for one in place.workers]
    return _timed(place.workers, pushes)


def chain(place: Place, model: Model) -> list[float]:
    """Send the model to the first, and let each pass it on to the next; return when each had it."""
    for transfer, (source, taker) in enumerate(zip(place.workers, place.workers[1:], strict=False), 1):
        source.send(Serve(model.content_hash, transfer, [taker.name], model.chunks, 60.0))
        at = source.wait(lambda item, number=transfer: isinstance(item, Serving) and item.transfer == number)
        taker.send(Take(model.content_hash, transfer, source.name, at.addresses, at.port, model.chunks))
    return _timed(place.workers, [threading.Thread(target=place.push, args=(model, place.workers[0]))])


def _timed(workers: Sequence[Worker], pushes: Sequence[threading.Thread]) -> list[float]:
    took = [0.0] * len(workers)

    def await_one(index: int) -> None:
        took[index] = workers[index].await_model() - began

    began = time.monotonic()
    waits = [threading.Thread(target=await_one, args=(index,)) for index in range(len(workers))]
    for thread in (*pushes, *waits):
        thread.start()
    for thread in (*pushes, *waits):
        thread.join()
    if not all(took):
        raise LabError("a worker has not got the model")
    return took


ARMS = {"rsync from the master": star, "chain": chain}


def measured(rates: Sequence[float], mib: int, arms: Sequence[str], home: Path) -> dict[str, list[float]]:
    """Return how long each worker waits in each arm; the first rate is the master's."""
    found: dict[str, list[float]] = {}
    home.mkdir()
    with Lab().of(rates) as (master, *machines), sshd_at([master, *machines], home) as ssh:
        workers: list[Worker] = []
        try:
            for number, machine in enumerate(machines):
                workers.append(Worker(f"lab{number}", machine, master, home))
            authority = RunAuthority()
            for worker in workers:
                worker.greet(authority.peering(worker.name))
            for name in arms:
                model = Model.made(home / name.split()[0], mib)
                found[name] = ARMS[name](Place(master, workers, ssh), model)
        finally:
            for worker in workers:
                with contextlib.suppress(OSError, LabError):  # why it has ended is told already
                    worker.end()
    return found


def report(mbit: float, mib: int, home: Path) -> dict[str, Any]:
    """Measure all arms."""
    even = measured([mbit] * (WORKERS + 1), mib, list(ARMS), home / "even")
    slow_rates = [*[mbit] * WORKERS, mbit / SLOWER]
    (slow,) = measured(slow_rates, mib, ["chain"], home / "slow").values()
    (_, free) = measured([0.0, 0.0, 0.0], mib, ["chain"], home / "free")["chain"]
    ideal = (mib << 20) * 8 / (mbit * 1e6)
    least = ideal * (1 + WORKERS * CHUNK_BYTES / (mib << 20))
    last = {name: max(took) for name, took in even.items()}
    return {
        "workers": WORKERS,
        "mbit": mbit,
        "mib": mib,
        "seconds": {"ideal": ideal, "least of a chain": least, **last, "chain, unlimited, two": free},
        "ratios": {
            **{f"{name} / ideal": took / ideal for name, took in last.items()},
            "chain / least of a chain": last["chain"] / least,
            "rsync from the master / chain": last["rsync from the master"] / last["chain"],
            "chain, one slow: the others / ideal": max(slow[:-1]) / ideal,
            "chain, one slow: the slow one / its ideal": slow[-1] / (SLOWER * ideal),
        },
        "unlimited_mb_per_s": (mib << 20) / 1e6 / free,
    }


def main() -> None:
    """Measure, and print a table or an object."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.spreading", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_MIB} MiB at {QUICK_MBIT:g} Mbit/s")
    parser.add_argument("--mib", type=int, help=f"how large the model is ({MIB})")
    parser.add_argument("--mbit", type=float, help=f"the rate of all links, in Mbit/s ({MBIT:g})")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # what was made is to be gone then, too
    mbit = options.mbit or (QUICK_MBIT if options.quick else MBIT)
    mib = options.mib or (QUICK_MIB if options.quick else MIB)
    with tempfile.TemporaryDirectory() as folder:
        try:
            found = report(mbit, mib, Path(folder))
        except LabError as error:
            sys.exit(f"error: {error}")
    if options.json:
        print(json.dumps(found, indent=2))
        return
    table = Table("", "", title=f"{mib} MiB to {WORKERS} workers at {mbit:g} Mbit/s")
    for name, value in (*found["seconds"].items(), *found["ratios"].items()):
        table.add_row(name, f"{value:.2f}" + (" s" if name in found["seconds"] else ""))
    table.add_row("one transfer, unlimited", f"{found['unlimited_mb_per_s']:.0f} MB/s")
    Console().print(table)


if __name__ == "__main__":
    main()
