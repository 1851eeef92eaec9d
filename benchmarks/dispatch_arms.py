"""Ways to start many jobs that do nothing, each measured."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from master.core.running.lifecycle import State, Trigger
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from tests.support.sshd import LoopbackSshd

SLOTS = 2
SNAPSHOTS = (1, 50, 2_000)
"""Files that travel as code."""
_HERE = Path(__file__).resolve().parents[1]


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


@dataclass(frozen=True)
class Bench:
    """Where and how much is measured."""

    root: Path
    scratch: Path
    """For `work_dir`."""
    jobs: int


@dataclass(frozen=True)
class Worker:
    """What `run_two_phase` runs on."""

    server: dict[str, Any] = field(default_factory=lambda: {"host": "localhost"})
    """Of the cluster config."""
    cluster: dict[str, Any] = field(default_factory=dict)
    checkout: Path = _HERE
    """Of Twophase."""
    pool: dict[str, Any] | None = None
    """Of the cluster config; then its seat works, and no server."""


HERE = Worker()


def two_phase(name: str, bench: Bench, program: Path, worker: Worker = HERE) -> Arm:
    """`run_two_phase` on a worker, a process per job, timed by its journal."""
    root = Path(tempfile.mkdtemp(prefix="run-", dir=bench.root))
    whole = _run(root, bench, program, worker)
    journal = Journal(RunLayout(root / "run").journal)
    transitions = list(journal.transitions())
    journal.close()
    ended = [item.at for item in transitions if item.state is State.SUCCEEDED]
    assert len(ended) == bench.jobs, f"{len(ended)} of {bench.jobs} jobs succeeded"
    began = min(item.at for item in transitions if item.trigger is Trigger.ASSIGN)
    return Arm(name, bench.jobs, max(ended) - began, whole)


def with_snapshot(files: int, bench: Bench, checkout: Path = _HERE) -> Arm:
    """`run_two_phase` on this machine with so many files of code, timed by its log: any version has one."""
    root = Path(tempfile.mkdtemp(prefix="run-", dir=bench.root))
    whole = _run(root, bench, _project(bench.root / f"code-{files}", files), Worker(checkout=checkout))
    log = json.loads((root / "run" / "phase2_experiments.json").read_text())
    assert log["successful_jobs"] == bench.jobs, f"{log['successful_jobs']} of {bench.jobs} jobs succeeded"
    began, ended = (datetime.fromisoformat(log[key]) for key in ("start_time", "end_time"))
    return Arm(snapshot_name(files, checkout), bench.jobs, (ended - began).total_seconds(), whole)


def snapshot_name(files: int, checkout: Path = _HERE) -> str:
    """Return what such an arm is called."""
    own = "" if checkout == _HERE else f", {checkout}"
    return f"{files:,} files of code{own}"


def _project(folder: Path, files: int) -> Path:
    """Make a project of so many files, unless it is there, and return its program."""
    program = folder / "noop"
    for number in range(files - 1) if not program.exists() else ():
        path = folder / f"package{number // 100}" / f"module{number}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"NUMBER = {number}\n" * 40)
    return copy_of_true(program)


def copy_of_true(program: Path) -> Path:
    """Make a program that does nothing, and return where it is."""
    program.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(shutil.which("true") or "/bin/true", program)
    return program


def _run(root: Path, bench: Bench, program: Path, worker: Worker) -> float:
    """Run all jobs and return the seconds that the whole command took."""
    work_dir = tempfile.mkdtemp(prefix="dispatch-", dir=bench.scratch)
    slots = {"gpus": 0, "cpu_slots": SLOTS, "state_dir": str(root / "state"), "work_dir": work_dir}
    own = {"pools": [{**worker.pool, **slots}]} if worker.pool else {"servers": [{**worker.server, **slots}]}
    cluster = {**own, **worker.cluster}
    (root / "cluster.json").write_text(json.dumps(cluster))
    specs = [{"index": index} for index in range(bench.jobs)]
    (root / "jobs.json").write_text(json.dumps({"base_model": False, "jobs": specs}))
    argv = [
        *(sys.executable, "-m", _command(worker.checkout), "--quiet"),
        *("--cluster-config", str(root / "cluster.json"), "--jobs-config", str(root / "jobs.json")),
        *("--script-path", str(program), "--run-dir", str(root / "run")),
    ]
    begin = time.perf_counter()
    quiet(argv, cwd=worker.checkout, env={**os.environ, "TWOPHASE_SLOT_DIR": str(root / "slots")})
    whole = time.perf_counter() - begin
    while list((root / "state").glob("*/runs/*")):
        # The agent still deletes the attempts' directories, which would slow the next arm down.
        time.sleep(0.1)
    shutil.rmtree(work_dir)
    return whole


def _command(checkout: Path) -> str:
    """Return the module of the command, which has been `master.cli`."""
    is_former = (checkout / "master" / "cli.py").exists()
    return "master.cli" if is_former else "master.commands.run_two_phase"
