"""How fast jobs that do nothing are dispatched, beside the tools that one would use otherwise.

All arms start the same program (a copy of `true`) on this machine, two at a time where they can.  The rate of
`run_two_phase` is jobs over the time from the first assignment to the last recorded result, by its journal,
which is on disk before anything is acknowledged; the whole command, start and end included, is told too.
The worker's `work_dir` is in memory (`--scratch` to change it).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.dispatch_arms import (
    SLOTS,
    SNAPSHOTS,
    Arm,
    Bench,
    Worker,
    copy_of_true,
    gnu_parallel,
    snapshot_name,
    spawn_loop,
    ssh_per_job,
    two_phase,
    with_snapshot,
    xargs,
)
from master.adapters.agent_client import WorkerLink
from master.adapters.inbox import Inbox, Received
from master.core.running.commands import Transition
from master.core.running.events import AttemptFinished, WorkerUp
from master.core.running.lifecycle import State, Trigger
from master.runs.agents import RunName, link_maker
from master.specs import ClusterSpec, ServerSpec
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from tests.support.sshd import LoopbackSshd
from worker_agent.core.shares import cpu_devices
from worker_agent.devices.slot_locks import SlotLocks
from worker_agent.protocol import messages as msg

ROUNDS = 3
"""Of all arms, one after the other, so that all meet the same machine; the fastest of each counts."""
WINDOW = 4096
"""Messages in flight on the bare channel."""
_LOCAL, _REMOTE = "run_two_phase, this machine", "run_two_phase over ssh"


def channel(root: Path, jobs: int) -> Arm:
    """Job messages alone: attempts are launched, cancelled while they wait for a slot, and end.

    The agent spools launches and ends; the ends are journalled here, durably, and acknowledged.
    """
    root = Path(tempfile.mkdtemp(prefix="run-", dir=root))
    os.environ["TWOPHASE_SLOT_DIR"] = str(root / "slots")
    layout = RunLayout(root / "run")
    journal = Journal(layout.journal)
    agent = msg.Settings(cpu_slots=SLOTS)
    server = ServerSpec("localhost", "localhost", state_dir=str(root / "state"), agent=agent)
    inbox: Inbox = SimpleQueue()
    link = link_maker(RunName(journal.run_id, 1), inbox)(server, ClusterSpec((server,)))
    link.start()
    while not isinstance(_event(inbox), WorkerUp):
        pass
    with ExitStack() as held:
        locks = held.enter_context(closing(SlotLocks(root / "slots")))
        for device in cpu_devices(SLOTS):
            locks.take(device.name, [device])
        begin = time.perf_counter()
        _exchange(link, inbox, journal, jobs)
        seconds = time.perf_counter() - begin
        link.close(msg.Shutdown())
    journal.close()
    return Arm("agent channel alone", 3 * jobs, seconds)


def _exchange(link: WorkerLink, inbox: Inbox, journal: Journal, jobs: int) -> None:
    """Keep `WINDOW` attempts in flight until all have ended and that is journalled and acknowledged."""
    sent = done = 0
    while done < jobs:
        while sent < jobs and sent - done < WINDOW:
            sent += 1
            link.send(msg.Launch(f"noop/{sent}", 1, 2, ["true"]))
            link.send(msg.Cancel(f"noop/{sent}", 1))
        batch = [inbox.get()]
        while not inbox.empty():
            batch.append(inbox.get())
        ends = [
            item for item in batch if isinstance(item, Received) and isinstance(item.event, AttemptFinished)
        ]
        journal.append(_transition(item.event) for item in ends)
        link.send(msg.Ack(max((item.seq for item in batch if isinstance(item, Received)), default=0)))
        done += len(ends)


def _event(inbox: Inbox) -> object:
    item = inbox.get(timeout=60)
    return item.event if isinstance(item, Received) else None


def _transition(event: Any) -> Transition:
    return Transition(
        *(event.at, event.job_id, Trigger.FAIL, State.FAILED, event.attempt, event.worker),
        finished=event.finished,
    )


def measure(bench: Bench, against: Path | None, say: Callable[[str], None]) -> list[Arm]:
    """Run all arms, one after the other, again and again; return the fastest of each."""
    best: dict[str, Arm] = {}
    with LoopbackSshd(bench.root / "sshd") as sshd:
        ways = [*_ways(bench, sshd), *_snapshots(bench, against)]
        for way in ways * ROUNDS:
            arm = way()
            if arm is None:
                continue
            say(f"{arm.name}: {arm.per_second:,.0f} a second")
            best[arm.name] = max(arm, best.get(arm.name, arm), key=lambda found: found.per_second)
    return list(best.values())


def _ways(bench: Bench, sshd: LoopbackSshd) -> list[Callable[[], Arm | None]]:
    program, jobs = copy_of_true(bench.root / "code" / "noop"), bench.jobs
    files = {"ssh_config": str(sshd.client.config), "known_hosts": str(sshd.client.known_hosts)}
    loopback = Worker({"host": sshd.name, "python": sys.executable}, files)
    return [
        lambda: spawn_loop(program, jobs),
        lambda: xargs(program, jobs),
        lambda: two_phase(_LOCAL, bench, program),
        lambda: two_phase(_REMOTE, bench, program, loopback),
        lambda: ssh_per_job(program, max(20, jobs // 20), sshd),
        lambda: gnu_parallel(program, max(20, jobs // 10), sshd),
        lambda: channel(bench.root, 10 * jobs),
    ]


def _snapshots(bench: Bench, against: Path | None) -> list[Callable[[], Arm]]:
    checkouts = [{}, {"checkout": against}] if against else [{}]
    return [partial(with_snapshot, files, bench, **own) for files in SNAPSHOTS for own in checkouts]


def ratios(arms: Sequence[Arm], against: Path | None = None) -> dict[str, float]:
    """Return each comparison as a rate over a rate."""
    rate = {arm.name: arm.per_second for arm in arms}
    local, remote = rate[_LOCAL], rate[_REMOTE]
    found = {
        "local over spawn loop": local / rate["spawn loop"],
        "local over xargs": local / rate[f"xargs -P {SLOTS}"],
        "ssh over spawn loop": remote / rate["spawn loop"],
        "ssh over ssh per job": remote / rate["ssh per job"],
        "channel messages over 20,000 a second": rate["agent channel alone"] / 20_000,
    }
    if "GNU parallel over ssh" in rate:
        found["ssh over GNU parallel"] = remote / rate["GNU parallel over ssh"]
    for files in SNAPSHOTS:
        own = rate[snapshot_name(files)]
        if files != SNAPSHOTS[0]:
            found[f"{files:,} files of code over {SNAPSHOTS[0]}"] = own / rate[snapshot_name(SNAPSHOTS[0])]
        if against:
            found[f"{files:,} files of code over {against}"] = own / rate[snapshot_name(files, against)]
    return {name: round(value, 3) for name, value in found.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dispatch", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1000, help="jobs of the main arms (1000)")
    parser.add_argument("--quick", action="store_true", help="300 jobs")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    memory = Path("/dev/shm")
    usual = memory if memory.is_dir() else Path(tempfile.gettempdir())
    parser.add_argument("--scratch", type=Path, default=usual, metavar="DIR", help=f"the worker's ({usual})")
    against = "another checkout of Twophase, to compare the arms with files of code"
    parser.add_argument("--against", type=Path, metavar="DIR", help=against)
    options = parser.parse_args()
    jobs = 300 if options.quick else options.jobs
    with tempfile.TemporaryDirectory(prefix="dispatch-") as folder:
        bench = Bench(Path(folder), options.scratch, jobs)
        arms = measure(bench, options.against, lambda text: print(text, file=sys.stderr))
    found = ratios(arms, options.against)
    if options.json:
        rows = [{**asdict(arm), "per_second": arm.per_second} for arm in arms]
        print(json.dumps({"arms": rows, "ratios": found}, indent=2))
        return
    table = Table("arm", "jobs", "a second", "whole command")
    for arm in arms:
        whole = f"{arm.whole_seconds:.1f} s" if arm.whole_seconds else ""
        table.add_row(arm.name, str(arm.jobs), f"{arm.per_second:,.0f}", whole)
    console = Console()
    console.print(table)
    for name, value in found.items():
        console.print(f"{name}: {value:.2f}")


if __name__ == "__main__":
    main()
