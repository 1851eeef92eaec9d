"""Three container workers, a run directory and its master: what faults are done to."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos import wrong_clock
from tests.chaos.master_process import MasterProcess
from tests.e2e.cluster import LEDGER
from tests.e2e.containers import Lab, Worker
from tests.support.runs import Run

DISK_MB = 192
PACKAGES = "/usr/lib/python3/dist-packages"
"""Where the worker's Python looks for what is installed."""
DISK = "/disk"
"""Where a worker has the file system that holds its state, its cache and its jobs."""
AGENT, KEEPER, SESSION = "twophase-agent", "twophase-keeper", "sshd: worker"
SECOND_USER = "other"


class NothingToHitError(Exception):
    """What a fault is for is not there at the moment."""


@dataclass(frozen=True)
class Process:
    """A process of a container, by its number on this machine."""

    pid: int
    title: str
    """Its name, or what it calls itself in `ps`."""

    @property
    def environment(self) -> dict[str, str]:
        """What it was started with; nothing where it has gone."""
        with suppress(OSError):
            words = Path(f"/proc/{self.pid}/environ").read_bytes().decode(errors="replace").split("\0")
            return dict(word.split("=", 1) for word in words if "=" in word)
        return {}

    def send(self, number: int) -> None:
        """Send a signal; one that has gone needs none."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)


@dataclass(frozen=True)
class Station:
    """A worker and its disk, which is a small file system of this machine."""

    worker: Worker
    disk: Path

    @property
    def name(self) -> str:
        return self.worker.name

    @property
    def cache(self) -> Path:
        return self.disk / "state" / self.name / "work" / "cache"

    @property
    def runs(self) -> Path:
        """Of the agents: their spools and logs."""
        return self.disk / "state" / self.name / "runs"

    @property
    def work(self) -> Path:
        return self.disk / "state" / self.name / "work"

    def processes(self, title: str) -> list[Process]:
        """Return those whose name or command line begins with a title."""
        listed = self.worker.container.top(ps_args="-eo pid,comm,args")["Processes"]
        found = [
            Process(int(pid), title) for pid, *names in listed if any(n.startswith(title) for n in names)
        ]
        return found

    def some(self, title: str) -> list[Process]:
        """Return those of a title.  Raises NothingToHitError where there are none."""
        found = self.processes(title)
        if not found:
            raise NothingToHitError(f"no {title} on {self.name}")
        return found

    def jobs(self) -> list[Process]:
        """Return the processes that belong to jobs."""
        return [each for each in self.some("python3") if "TWOPHASE_JOB_ID" in each.environment]

    def kill(self, *titles: str) -> None:
        """End all of some titles at once."""
        for process in [each for title in titles for each in self.some(title)]:
            process.send(signal.SIGKILL)

    def set_clock(self, seconds: float) -> None:
        """Let the worker's clock be wrong by so much."""
        self.worker.exec(["sh", "-c", f"echo {seconds} >{wrong_clock.OFFSET}"], user="root")

    @contextmanager
    def stopped(self, title: str) -> Iterator[None]:
        """Let processes stand still."""
        found = self.some(title)
        for process in found:
            process.send(signal.SIGSTOP)
        try:
            yield
        finally:
            for process in found:
                process.send(signal.SIGCONT)

    def in_network(self, *argv: str) -> None:
        """Run a program of this machine in the worker's network, as root.  Raises NothingToHitError."""
        self.worker.container.reload()
        pid = self.worker.container.attrs["State"]["Pid"]
        argv = ("nsenter", "-t", str(pid), "-n", *argv)
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise NothingToHitError(f"{' '.join(argv)}: {done.stderr}")

    @contextmanager
    def filtered(self, *rule: str) -> Iterator[None]:
        """Have a rule of iptables in the worker's network."""
        self.in_network("iptables", "-A", *rule)
        try:
            yield
        finally:
            self.in_network("iptables", "-D", *rule)


@dataclass
class Place:
    """All of it, and what is noted on the way."""

    lab: Lab
    stations: Sequence[Station]
    run: Run
    master: MasterProcess
    tally: Path
    root: Path
    """For whatever else a fault needs: its own runs, copies."""
    killed: set[str] = field(default_factory=set)
    """Jobs that were killed once: a second time would cost them another of their few tries."""
    complaints: list[str] = field(default_factory=list)


@dataclass
class Scene:
    """Where one fault is done, and what it draws."""

    place: Place
    station: Station
    draw: random.Random
    job: str | None = None
    """The job that was hit, for a fault that spoils one."""

    def seconds(self, least: float, most: float) -> float:
        """Return for how long: a time half as long is as likely."""
        return least * (most / least) ** self.draw.random()

    def complain(self, text: str) -> None:
        """Note that something was not as the guide says."""
        self.place.complaints.append(text)


@contextmanager
def small_disk(path: Path) -> Iterator[Path]:
    """Mount a small file system, which outlives the container that sees it."""
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "none", str(path)], check=True)
    path.chmod(0o1777)
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


@contextmanager
def stations(lab: Lab, ledger: Path, count: int = 3) -> Iterator[list[Station]]:
    """Start workers, each with a disk of its own; both users of each can be reached."""
    with ExitStack() as disks:
        paths = [ledger.with_name(f"disk-{number}") for number in range(1, count + 1)]
        found = [_start(lab, ledger, disks.enter_context(small_disk(path))) for path in paths]
        disks.callback(lab.close)  # before the disks go
        for station in found:
            station.worker.wait_ready()
            lab.also(station.worker, SECOND_USER)
        yield found


def _start(lab: Lab, ledger: Path, disk: Path) -> Station:
    volumes = {str(disk): {"bind": DISK, "mode": "rw"}, str(ledger): {"bind": LEDGER, "mode": "rw"}}
    own = Path(wrong_clock.__file__)
    volumes[str(own)] = {"bind": f"{PACKAGES}/{own.name}", "mode": "ro"}
    station = Station(lab.start(disk.name.replace("disk", "worker"), volumes=volumes), disk)
    line = f"echo import {own.stem} >{PACKAGES}/{own.stem}.pth"
    station.worker.exec(["sh", "-c", line], user="root")
    return station


def keep_logs(place: Place, target: Path) -> None:
    """Copy what agents have to say out of disks that are about to go."""
    for station in place.stations:
        for log in station.runs.glob("*/agent.log"):
            target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(log, target / f"{station.name}.{log.parent.name}.log")
