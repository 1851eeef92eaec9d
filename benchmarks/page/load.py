"""What the page costs a dispatcher: the real one, over workers that do nothing.

The page and its visitor are stopped and go on in turn, so that both meet the same machine and run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from statistics import median
from typing import Any, cast

from benchmarks.page.journals import SLOTS, WORKERS, begun, sweep
from benchmarks.page.visits import served
from master.adapters.agent_client import WorkerLink
from master.adapters.inbox import Inbox, Received
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.runs.control.server import ControlServer
from master.runs.dispatcher import Dispatcher, Ports
from master.runs.notices import Notices, Transitions
from master.runs.snapshot import SharedState
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from tests.support.endings import finished
from worker_agent.protocol import messages as msg

A_SECOND = 2000
"""Transitions, where they are paced …"""
_OF_A_JOB = 4
"""… so many of them for each job."""
JOBS = 100_000
"""At full speed."""
WINDOW_S = 2.0
_VISITOR = """
import json, sys, time, urllib.request
from urllib.parse import urlsplit
from websockets.sync.client import connect
url = urlsplit(sys.argv[1]); own = f"{url.scheme}://{url.netloc}"; token = url.query.removeprefix("token=")
def get(path):
    asked = urllib.request.Request(own + path, headers={"Authorization": f"Bearer {token}"})
    return json.load(urllib.request.urlopen(asked, timeout=60))
ids = [row["id"] for row in get("/api/jobs?limit=60")["rows"]]
headers = {"Authorization": f"Bearer {token}"}
with connect(f"ws://{url.netloc}/ws", additional_headers=headers, origin=own, max_size=None) as socket:
    socket.send(json.dumps({"since": 0, "watch": ids}))
    last = 0.0
    while True:
        socket.recv()
        if time.monotonic() - last > 2:
            get("/api/overview"); get("/api/jobs?limit=100"); last = time.monotonic()
"""


@dataclass(frozen=True)
class Load:
    """What was found."""

    watched_per_s: float
    stopped_per_s: float
    """Transitions in a second at full speed, the median of windows."""
    paced_per_s: float
    """At a given pace, with the page watched."""
    memory_before_mb: float
    memory_after_mb: float
    """Of the page's process, before and after the paced part."""

    @property
    def fall_percent(self) -> float:
        """Return by how much the dispatcher is slower with the page."""
        return round(100 * (1 - self.watched_per_s / self.stopped_per_s), 2)


@dataclass
class Fleet:
    """Workers on which every job succeeds at once, or at a pace; and what carries outcomes home."""

    inbox: Inbox
    jobs_per_s: float | None
    launched: SimpleQueue[tuple[str, msg.Launch]] = field(default_factory=SimpleQueue)

    def __post_init__(self) -> None:
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        begin, done = time.monotonic(), 0
        while True:
            try:
                worker, launch = self.launched.get(timeout=60)
            except Empty:
                return
            done += 1
            if self.jobs_per_s:
                time.sleep(max(0.0, begin + done / self.jobs_per_s - time.monotonic()))
            key = (time.time(), worker, launch.job_id, launch.attempt)
            self.inbox.put(Received(ev.AttemptStarted(*key), worker, done))
            self.inbox.put(Received(ev.AttemptFinished(*key, _DONE), worker, done))

    def collect(self, command: cmd.Collect) -> None:
        """Say that an outcome is home."""
        self.inbox.put(Received(ev.Collected(time.time(), command.job_id, command.attempt, "f" * 64)))

    def collect_failed(self, command: cmd.CollectFailedAttempt) -> None:
        """Do nothing."""

    def deliver(self, command: cmd.Deliver) -> None:
        """Say that a base model is there."""
        self.inbox.put(Received(ev.Delivered(time.time(), command.worker, command.content_hash)))

    def connect(self, name: str) -> None:
        """Do nothing."""

    def let_go(self, name: str, *, answers: bool) -> None:
        """Do nothing."""


_DONE = finished(duration_s=0.1, slot="cpu0")


@dataclass
class _Line:
    """The link to a worker of a fleet."""

    worker: str
    fleet: Fleet
    welcome: None = None

    def start(self) -> None:
        up = ev.WorkerUp(time.time(), self.worker, 16 * SLOTS)
        self.fleet.inbox.put(Received(up, self.worker))

    def send(self, message: msg.ToAgent) -> None:
        if isinstance(message, msg.Launch):
            self.fleet.launched.put((self.worker, message))

    def begin_close(self) -> None:
        return


class Count:
    """How many transitions there were."""

    def __init__(self) -> None:
        self.n = 0

    def subscribe(self, notices: Notices) -> None:
        """Hear of them."""
        notices.listen(Transitions, lambda told: setattr(self, "n", self.n + len(told.items)))


def loaded(folder: Path, seconds: float) -> Load:
    """Let a dispatcher work at a pace for so long, then at full speed with the page watched and stopped."""
    pace = A_SECOND / _OF_A_JOB
    with _running(folder / "paced", int(pace * seconds), pace) as (url, page, count, over), _visitor(url):
        time.sleep(min(3.0, seconds / 4))
        before, began, first = _memory_mb(page.pid), time.monotonic(), count.n
        over.wait(seconds)
        paced = (count.n - first) / (time.monotonic() - began)
        after = _memory_mb(page.pid)
    with _running(folder / "fast", JOBS, None) as (url, page, count, over), _visitor(url) as visitor:
        rates = _in_turn([page.pid, visitor.pid], count, over, seconds)
    return Load(*(median(rates[kind]) for kind in ("watched", "stopped")), paced, before, after)


def _in_turn(
    pids: Sequence[int], count: Count, over: threading.Event, seconds: float
) -> Mapping[str, list[float]]:
    """Return the rates of windows in which the page is stopped, and of those in which it is watched."""
    rates: dict[str, list[float]] = {"watched": [], "stopped": []}
    until = time.monotonic() + seconds
    kinds = {"watched": signal.SIGCONT, "stopped": signal.SIGSTOP}
    try:
        while time.monotonic() < until:
            for kind, sign in kinds.items():
                for pid in pids:
                    os.kill(pid, sign)
                began, first = time.monotonic(), count.n
                if over.wait(WINDOW_S):
                    return rates
                rates[kind].append((count.n - first) / (time.monotonic() - began))
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    return rates


@contextmanager
def _running(
    folder: Path, jobs: int, jobs_per_s: float | None
) -> Iterator[tuple[str, subprocess.Popen[str], Count, threading.Event]]:
    """Let a dispatcher run, and serve its page."""
    layout, spec, inbox = RunLayout(folder), sweep(jobs), cast(Inbox, SimpleQueue())
    plan = begun(layout, spec)
    workers = [f"lab{n}" for n in range(WORKERS)]
    shared = SharedState(RunState.fresh(plan, Policy(retries=0), workers))
    fleet, count, over = Fleet(inbox, jobs_per_s), Count(), threading.Event()
    links = cast(Mapping[str, WorkerLink], {name: _Line(name, fleet) for name in workers})
    control = ControlServer(layout, shared, inbox)
    notices = Notices([count, control.board, control.use])
    ports = Ports(
        links, fleet, lambda job_id, attempt, worker: msg.Launch(job_id, attempt, 2, ["true"]), fleet
    )
    with closing(control), closing(Journal(layout.journal)) as journal, served(folder) as (url, page):
        dispatcher = Dispatcher(shared, journal, inbox, ports, notices.tell)
        working = threading.Thread(target=_work, args=(dispatcher, over))
        working.start()
        yield url, page, count, over
        dispatcher.exit_code = 130
        working.join(30)


def _work(dispatcher: Dispatcher, over: threading.Event) -> None:
    dispatcher.run()
    over.set()


@contextmanager
def _visitor(url: str) -> Iterator[subprocess.Popen[bytes]]:
    """Let somebody look at the page, as a browser does, who draws nothing."""
    visitor = subprocess.Popen([sys.executable, "-c", _VISITOR, url])
    try:
        yield visitor
    finally:
        visitor.kill()
        visitor.wait()


def _memory_mb(pid: int) -> float:
    """Return what a process has in memory."""
    status: Any = Path(f"/proc/{pid}/status").read_text()
    (line,) = (each for each in status.splitlines() if each.startswith("VmRSS"))
    return int(line.split()[1]) / 1000
