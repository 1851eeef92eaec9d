"""A GPU on which jobs slow each other down, by events: jobs start, work epoch by epoch, and end."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from worker_agent.core.packing.crowd import SETTLES_S, SPEAKS_S, Crowd

_SEEN_S = 1.0
"""After which the memory of a job that works is seen."""

Done = Callable[[int], float]
"""Returns how much so many jobs get done together, where one alone gets 1."""


@dataclass(frozen=True)
class Work:
    """A job: how long it starts, and its epochs in seconds, were it alone."""

    starts_s: float
    epochs: tuple[float, ...]


@dataclass
class _Running:
    work: Work
    began: float
    epoch: int = 0
    seen: bool = False
    left: float = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.work.epochs[0]


def launch_bound(chance: random.Random) -> Done:
    """Each job leaves most of the card idle: they hardly hinder each other until it is full."""
    full = chance.uniform(3, 14)
    return lambda number: number / (1 + (number / full) ** 3) ** (1 / 3)


def compute_bound(chance: random.Random) -> Done:
    """One job fills the card; more share it, and lose something by that."""
    lost = chance.uniform(0, 0.08)
    return lambda number: 1 / (1 + lost * (number - 1))


def memory_bound(chance: random.Random) -> Done:
    """Some jobs fill the way to memory; more wait for it."""
    full, lost = chance.uniform(1.3, 3.5), chance.uniform(0, 0.05)
    return lambda number: min(number, full) / (1 + lost * max(0.0, number - full))


def thrashing(chance: random.Random) -> Done:
    """Caches hold so much, and what is beyond costs all of them."""
    full = chance.uniform(1.5, 5)
    return lambda number: min(number, full) * min(1.0, full / number)


KINDS = {each.__name__: each for each in (launch_bound, compute_bound, memory_bound, thrashing)}


def a_search(chance: random.Random, jobs: int) -> list[Work]:
    """Return jobs of one search, which are alike but for their lengths and their luck."""
    starts, epoch, epochs = chance.uniform(1, 6), chance.uniform(0.5, 5), chance.randrange(40, 120)
    return [
        Work(
            starts * chance.uniform(0.8, 1.2),
            tuple(epoch * chance.uniform(0.9, 1.1) for _ in range(round(epochs * chance.uniform(0.6, 1.4)))),
        )
        for _ in range(jobs)
    ]


def seconds(done: Done, jobs: list[Work], most: int, crowd: Crowd | None = None) -> float:
    """Return when all jobs have ended, at most so many at a time, and as many as a crowd allows."""
    card = _Card(done, jobs, most, crowd)
    while card.waiting or card.running:
        card.turn()
    return card.now


class _Card:
    def __init__(self, done: Done, jobs: list[Work], most: int, crowd: Crowd | None) -> None:
        self._done, self._most, self._crowd = done, most, crowd
        self.waiting = list(enumerate(jobs))[::-1]
        self.running: dict[int, _Running] = {}
        self.now = 0.0

    def turn(self) -> None:
        """Start what may start, and go on to the next event."""
        while self.waiting and len(self.running) < self._most and self._may_start():
            number, work = self.waiting.pop()
            self.running[number] = _Running(work, self.now)
            if self._crowd:
                self._crowd.started((str(number), 1))
        working = [number for number, each in self.running.items() if self._ready_at(each) <= self.now]
        pace = self._done(len(working)) / len(working) if working else 0.0
        times = [self.now + self.running[number].left / pace for number in working]
        times += [self._ready_at(each) for each in self.running.values() if self._ready_at(each) > self.now]
        times += [at for at in self._looks() if at > self.now]
        self._go_on(min(times), working, pace)

    def _go_on(self, then: float, working: list[int], pace: float) -> None:
        passed, self.now = then - self.now, then
        for number in working:
            self.running[number].left -= passed * pace
            if self.running[number].left < 1e-9:
                self._end_epoch(number)
        for name, attempt in self._crowd.awaited() if self._crowd else ():
            self._crowd.aged((name, attempt), self.now - self.running[int(name)].began)
        for number, job in self.running.items():
            if self._crowd and not job.seen and self._ready_at(job) + _SEEN_S <= self.now:
                job.seen = True
                self._crowd.seen((str(number), 1))

    def _end_epoch(self, number: int) -> None:
        job, key = self.running[number], (str(number), 1)
        job.epoch += 1
        if self._crowd:
            self._crowd.report(key, job.epoch, self.now, len(self.running))
        if job.epoch < len(job.work.epochs):
            job.left = job.work.epochs[job.epoch]
            return
        if self._crowd:
            self._crowd.ended(self.now)
            self._crowd.leave(key)
        del self.running[number]

    def _may_start(self) -> bool:
        return self._crowd is None or self._crowd.may_start(len(self.running))

    def _ready_at(self, job: _Running) -> float:
        return job.began + job.work.starts_s

    def _looks(self) -> list[float]:
        awaited = self._crowd.awaited() if self._crowd else ()
        return [self.running[int(name)].began + wait for name, _ in awaited for wait in (SETTLES_S, SPEAKS_S)]
