"""Runs whose base models take their time to workers: the head node's link is shared by all transfers."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from random import Random

from master.core.planning.plan import Job, Plan
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.core.running.run_state import begin, has_more_to_do, step
from tests.support.endings import finished

TICK_S = 1.0


@dataclass(frozen=True)
class Search:
    """Jobs of some base models, which are all in the store."""

    workers: int = 4
    slots: int = 1
    bases: int = 4
    jobs: int = 48
    mean_s: float = 60.0
    spread: float = 0.3
    """Of the jobs' times: each is within so much of the mean."""
    transfer_s: float = 20.0
    """Of one base model, where the link carries nothing else."""


class TransfersWorld:
    """The master's core, workers that do as they are told, and the link between them."""

    def __init__(self, search: Search, seed: int, *, warms: bool) -> None:
        self.search, self.random = search, Random(seed)
        bases = {f"b{n}": f"{n:064x}" for n in range(search.bases)}
        jobs = [
            Job(f"j{n}", phase=2, needs=f"b{self.random.randrange(search.bases)}") for n in range(search.jobs)
        ]
        low, high = 1 - search.spread, 1 + search.spread
        self.takes = {job.job_id: search.mean_s * self.random.uniform(low, high) for job in jobs}
        names = [f"w{n}" for n in range(search.workers)]
        self.state = RunState.fresh(Plan(jobs, bases), Policy(warms=warms), names)
        self.now, self.sent = 0.0, 0
        self.order = count()
        self.heap: list[tuple[float, int, Callable[[], None]]] = []
        self.link: dict[tuple[str, str], float] = {}
        """Worker and artefact → seconds of the whole link that its transfer still needs."""
        self.cached: dict[str, set[str]] = {name: set() for name in names}
        self.queued: dict[str, list[tuple[str, int]]] = {name: [] for name in names}
        self.busy = dict.fromkeys(names, 0)
        self.exit_code: int | None = None
        for command in begin(self.state, 0.0).commands:
            self._execute(command)
        for name in names:
            self._tell(ev.WorkerUp(0.0, name, search.slots))

    def run(self) -> float:
        """Run to the end and return the makespan in seconds."""
        tick = TICK_S
        while self.exit_code is None:
            ends = self.now + min(self.link.values()) * len(self.link) if self.link else tick
            due = min(tick, ends, self.heap[0][0] if self.heap else tick)
            self._carry(due - self.now)
            self.now = due
            if due >= tick:
                tick += TICK_S
                self._tell(ev.Tick(self.now))
            while self.heap and self.heap[0][0] <= self.now:
                heapq.heappop(self.heap)[2]()
        return self.now

    def _carry(self, seconds: float) -> None:
        """Let the link carry for a while; all transfers have the same part of it."""
        each_s = seconds / max(1, len(self.link))
        arrived = []
        for key in self.link:
            self.link[key] -= each_s
            if self.link[key] <= 1e-9:
                arrived.append(key)
        self.now += seconds
        for key in arrived:
            del self.link[key]
            self._arrive(*key)
        self.now -= seconds

    def _arrive(self, worker: str, name: str) -> None:
        self.cached[worker].add(name)
        self._tell(ev.Delivered(self.now, worker, name))
        self._start(worker)

    def _tell(self, event: ev.Event) -> None:
        out = step(self.state, event)
        for command in out.commands:
            self._execute(command)
        if has_more_to_do(self.state):
            self._tell(ev.GoOn(self.now))

    def _execute(self, command: cmd.Command) -> None:
        match command:
            case cmd.Deliver(worker, name):
                self.sent += 1
                self.link[worker, name] = self.search.transfer_s
            case cmd.StartAttempt(worker, job_id, attempt):
                self.queued[worker].append((job_id, attempt))
                self.heap.append((self.now, next(self.order), lambda: self._take(worker, job_id, attempt)))
                heapq.heapify(self.heap)
            case cmd.Collect(_, job_id, attempt):
                self._later(0.0, lambda: self._tell(ev.Collected(self.now, job_id, attempt)))
            case cmd.Finish(exit_code):
                self.exit_code = exit_code

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self.heap, (self.now + seconds, next(self.order), action))

    def _take(self, worker: str, job_id: str, attempt: int) -> None:
        base = self.state.jobs[job_id].base
        if base not in self.cached[worker]:
            self._tell(ev.AttemptStaging(self.now, worker, job_id, attempt))
            self._tell(ev.ArtefactWanted(self.now, worker, base))
        self._start(worker)

    def _start(self, worker: str) -> None:
        """Start what has its base model, as long as there are slots."""
        for key in list(self.queued[worker]):
            job_id, attempt = key
            if self.busy[worker] < self.search.slots and self.state.jobs[job_id].base in self.cached[worker]:
                self.queued[worker].remove(key)
                self.busy[worker] += 1
                self._tell(ev.AttemptStarted(self.now, worker, job_id, attempt))
                self._later(self.takes[job_id], lambda key=key: self._end(worker, *key))  # type: ignore[misc]

    def _end(self, worker: str, job_id: str, attempt: int) -> None:
        self.busy[worker] -= 1
        end = finished("succeeded", duration_s=self.takes[job_id])
        self._tell(ev.AttemptFinished(self.now, worker, job_id, attempt, end))
        self._start(worker)
