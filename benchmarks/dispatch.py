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
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from rich.console import Console
from rich.table import Table

from master.adapters.agent_client import WorkerLink
from master.adapters.inbox import Inbox, Received
from master.core.running.commands import Transition
from master.core.running.events import AttemptFinished, WorkerUp
from master.core.running.lifecycle import State, Trigger
from master.runs.agents import RunName, make_links
from master.specs import ClusterSpec, ServerSpec
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from tests.support.sshd import LoopbackSshd
from worker_agent.core.shares import cpu_devices
from worker_agent.devices.slot_locks import SlotLocks
from worker_agent.protocol import messages as msg

SLOTS = 2
ROUNDS = 3
"""Of all arms, one after the other, so that all meet the same machine; the fastest of each counts."""
WINDOW = 4096
"""Messages in flight on the bare channel."""


@dataclass(frozen=True)
class Arm:
    """One way to start jobs, measured."""

    name: str
    jobs: int
    seconds: float
    whole_seconds: float | None = None
    """With the start and end of the command."""

    @property
    def per_second(self) -> float:
        return self.jobs / self.seconds


def timed(name: str, jobs: int, action: Callable[[], None]) -> Arm:
    """Run an arm once."""
    begin = time.perf_counter()
    action()
    return Arm(name, jobs, time.perf_counter() - begin)


def quiet(argv: Sequence[str], **options: Any) -> None:
    """Run a command, its output dropped."""
    subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)


def spawn_loop(program: Path, jobs: int) -> Arm:
    """Start and wait, one by one, from Python."""

    def loop() -> None:
        for index in range(jobs):
            subprocess.Popen([program, "--index", str(index)], stdin=subprocess.DEVNULL).wait()

    return timed("spawn loop", jobs, loop)


def xargs(program: Path, jobs: int) -> Arm:
    """`xargs -P`."""
    text = "\n".join(map(str, range(jobs))).encode()
    argv = ["xargs", "-P", str(SLOTS), "-n", "1", str(program), "--index"]
    return timed(f"xargs -P {SLOTS}", jobs, lambda: quiet(argv, input=text))


def ssh_per_job(program: Path, jobs: int, server: LoopbackSshd) -> Arm:
    """One `ssh host command` per job, two at a time."""
    text = "\n".join(map(str, range(jobs))).encode()
    argv = [
        "xargs",
        "-P",
        str(SLOTS),
        "-n",
        "1",
        *server.client.ssh_argv(server.name),
        str(program),
        "--index",
    ]
    return timed("ssh per job", jobs, lambda: quiet(argv, input=text))


def gnu_parallel(program: Path, jobs: int, server: LoopbackSshd) -> Arm | None:
    """GNU parallel over ssh, None where it is not installed."""
    if not shutil.which("parallel"):
        return None
    login = " ".join(server.client.ssh_argv(server.name))
    argv = ["parallel", "--will-cite", "-j", str(SLOTS), "-S", login, str(program), "--index", "{}", ":::"]
    return timed("GNU parallel over ssh", jobs, lambda: quiet([*argv, *map(str, range(jobs))]))


def two_phase(
    name: str,
    root: Path,
    scratch: Path,
    program: Path,
    jobs: int,
    server: dict[str, Any],
    cluster: dict[str, Any],
) -> Arm:
    """`run_two_phase` on a worker, a process per job."""
    root = Path(tempfile.mkdtemp(prefix="run-", dir=root))
    slots: dict[str, Any] = {"gpus": 0, "cpu_slots": SLOTS, "state_dir": str(root / "state")}
    slots["work_dir"] = tempfile.mkdtemp(prefix="dispatch-", dir=scratch)
    (root / "cluster.json").write_text(json.dumps({"servers": [{**server, **slots}], **cluster}))
    specs = [{"index": index} for index in range(jobs)]
    (root / "jobs.json").write_text(json.dumps({"base_model": False, "jobs": specs}))
    argv = [
        *(
            sys.executable,
            "-m",
            "master.commands.run_two_phase",
            "--quiet",
            "--cluster-config",
            str(root / "cluster.json"),
        ),
        *("--jobs-config", str(root / "jobs.json"), "--script-path", str(program)),
        *("--run-dir", str(root / "run")),
    ]
    begin = time.perf_counter()
    quiet(argv, env={**os.environ, "TWOPHASE_SLOT_DIR": str(root / "slots")})
    whole = time.perf_counter() - begin
    while list((root / "state").glob("*/runs/*")):
        # The agent still deletes the attempts' directories, which would slow the next arm down.
        time.sleep(0.1)
    shutil.rmtree(slots["work_dir"])
    journal = Journal(RunLayout(root / "run").journal)
    transitions = list(journal.transitions())
    journal.close()
    ended = [item.at for item in transitions if item.state is State.SUCCEEDED]
    assert len(ended) == jobs, f"{len(ended)} of {jobs} jobs succeeded"
    began = min(item.at for item in transitions if item.trigger is Trigger.ASSIGN)
    return Arm(name, jobs, max(ended) - began, whole)


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
    cluster = ClusterSpec((server,))
    inbox: Inbox = SimpleQueue()
    link = make_links(cluster, RunName(journal.run_id, 1), inbox)["localhost"]
    link.start()
    while not isinstance(_event(inbox), WorkerUp):
        pass
    with ExitStack() as held:
        locks = held.enter_context(closing(SlotLocks(root / "slots")))
        for device in cpu_devices(SLOTS):
            locks.take(device.name, device)
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
        *(event.at, event.task_id, Trigger.FAIL, State.FAILED, event.attempt, event.worker),
        finished=event.finished,
    )


def measure(jobs: int, scratch: Path, say: Callable[[str], None]) -> list[Arm]:
    """Run all arms, one after the other, again and again; return the fastest of each."""
    best: dict[str, Arm] = {}
    with (
        tempfile.TemporaryDirectory(prefix="dispatch-") as folder,
        LoopbackSshd(Path(folder, "sshd")) as sshd,
    ):
        root = Path(folder)
        program = root / "code" / "noop"
        program.parent.mkdir()
        shutil.copy2(shutil.which("true") or "/bin/true", program)
        files = {"ssh_config": str(sshd.client.config), "known_hosts": str(sshd.client.known_hosts)}
        ways: list[Callable[[], Arm | None]] = [
            lambda: spawn_loop(program, jobs),
            lambda: xargs(program, jobs),
            lambda: two_phase(
                "run_two_phase, this machine",
                *(root, scratch, program, jobs),
                {"host": "localhost"},
                {},
            ),
            lambda: two_phase(
                "run_two_phase over ssh",
                *(root, scratch, program, jobs),
                {"host": sshd.name, "python": sys.executable},
                files,
            ),
            lambda: ssh_per_job(program, max(20, jobs // 20), sshd),
            lambda: gnu_parallel(program, max(20, jobs // 10), sshd),
            lambda: channel(root, 10 * jobs),
        ]
        for way in ways * ROUNDS:
            arm = way()
            if arm is None:
                continue
            say(f"{arm.name}: {arm.per_second:,.0f} a second")
            best[arm.name] = max(arm, best.get(arm.name, arm), key=lambda found: found.per_second)
    return list(best.values())


def ratios(arms: Sequence[Arm]) -> dict[str, float]:
    """Return each comparison as a rate over a rate."""
    rate = {arm.name: arm.per_second for arm in arms}
    local, remote = rate["run_two_phase, this machine"], rate["run_two_phase over ssh"]
    found = {
        "local over spawn loop": local / rate["spawn loop"],
        "local over xargs": local / rate[f"xargs -P {SLOTS}"],
        "ssh over spawn loop": remote / rate["spawn loop"],
        "ssh over ssh per job": remote / rate["ssh per job"],
        "channel messages over 20,000 a second": rate["agent channel alone"] / 20_000,
    }
    if "GNU parallel over ssh" in rate:
        found["ssh over GNU parallel"] = remote / rate["GNU parallel over ssh"]
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
    options = parser.parse_args()
    jobs = 300 if options.quick else options.jobs
    arms = measure(jobs, options.scratch, lambda text: print(text, file=sys.stderr))
    found = ratios(arms)
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
