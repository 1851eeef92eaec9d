"""Runs that are simulated: jobs of known durations on slots of known speed, told as a journal tells them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from master.core.running.commands import Transition
from master.core.running.forecast.future import BASE_MODELS, EXPERIMENTS, Kind
from master.core.running.lifecycle import State, Trigger
from worker_agent.protocol.outcome import Finished, Outcome

_GAP_S = 0.1
"""From the end of a job to the start of the next, on average."""


@dataclass(frozen=True)
class SimulatedJob:
    """A job, and how long it takes on a slot of speed 1."""

    job_id: str
    kind: Kind
    seconds: float
    needs: str = ""
    """The training that it waits for."""
    fails_at: float | None = None
    """The share of its time at which its first try fails."""


@dataclass(frozen=True)
class Recorded:
    """A journal, and what one has to know to replay it."""

    kinds: Mapping[str, Kind]
    slots: int
    transitions: Sequence[Transition]


@dataclass
class _Play:
    """Gives each slot the first job that is ready."""

    jobs: Sequence[SimulatedJob]
    speeds: Sequence[float]
    random: Random
    told: list[Transition] = field(default_factory=list)

    def run(self) -> list[Transition]:
        """Return all that happens, in order."""
        queue = [(0.0, number, job, 1) for number, job in enumerate(self.jobs) if not job.needs]
        waiting = [(number, job) for number, job in enumerate(self.jobs) if job.needs]
        slots = [(0.0, number) for number in range(len(self.speeds))]
        for ready_at, _, job, _ in queue:
            self._tell(ready_at, job, Trigger.UNLOCK, State.READY)
        while queue:
            (free, slot), (ready_at, number, job, attempt) = heapq.heappop(slots), heapq.heappop(queue)
            start = max(free, ready_at) + self.random.expovariate(1 / _GAP_S)
            fails = attempt == 1 and job.fails_at is not None
            took = job.seconds / self.speeds[slot] * ((job.fails_at or 1.0) if fails else 1.0)
            self._attempt(job, start, took, attempt, f"w{slot}", fails=fails)
            heapq.heappush(slots, (start + took, slot))
            if fails:
                heapq.heappush(queue, (start + took, number, job, 2))
            for later in [each for each in waiting if not fails and each[1].needs == job.job_id]:
                waiting.remove(later)
                heapq.heappush(queue, (start + took, later[0], later[1], 1))
                self._tell(start + took, later[1], Trigger.UNLOCK, State.READY)
        return sorted(self.told, key=lambda item: item.at)

    def _attempt(
        self, job: SimulatedJob, start: float, took: float, attempt: int, worker: str, *, fails: bool
    ) -> None:
        outcome = Outcome.FAILED if fails else Outcome.SUCCEEDED
        ended = Finished(outcome, duration_s=took, started_at=start)
        self._tell(start, job, Trigger.START, State.RUNNING, attempt, worker)
        if fails:
            self._tell(start + took, job, Trigger.RETRY, State.READY, attempt, worker, ended)
        else:
            self._tell(start + took, job, Trigger.FINISH, State.COLLECTING, attempt, worker, ended)
            self._tell(start + took + 0.01, job, Trigger.COLLECT, State.SUCCEEDED, attempt, worker)

    def _tell(self, at: float, job: SimulatedJob, trigger: Trigger, state: State, *more: object) -> None:
        attempt, worker, ended = (*more, *(None,) * (3 - len(more)))
        self.told.append(Transition(at, job.job_id, trigger, state, attempt or 0, worker, "", ended))  # type: ignore[arg-type]


def _recorded(jobs: Sequence[SimulatedJob], speeds: Sequence[float], random: Random) -> Recorded:
    kinds = {job.job_id: job.kind for job in jobs}
    return Recorded(kinds, len(speeds), _Play(jobs, speeds, random).run())


def _plain(random: Random, count: int, sigma: float, slots: int = 8, **more: float) -> Recorded:
    jobs = [
        SimulatedJob(f"e{n}", (EXPERIMENTS, ""), 60 * random.lognormvariate(0, sigma), **more)  # type: ignore[arg-type]
        for n in range(count)
    ]
    return _recorded(jobs, [1.0] * slots, random)


def _two_kinds(random: Random) -> Recorded:
    kinds = [((EXPERIMENTS, "small"), 20.0), ((EXPERIMENTS, "large"), 200.0)]
    jobs = [
        SimulatedJob(f"e{n}", kind, mean * random.lognormvariate(0, 0.2))
        for n in range(120)
        for kind, mean in [kinds[n >= 80]]
    ]
    return _recorded(jobs, [1.0] * 8, random)


def _two_phases(random: Random, experiments: float = 60.0) -> Recorded:
    bases = [SimulatedJob(f"b{n}", (BASE_MODELS, ""), 600 * random.lognormvariate(0, 0.2)) for n in range(6)]
    jobs = [
        SimulatedJob(f"e{n}", (EXPERIMENTS, ""), experiments * random.lognormvariate(0, 0.3), f"b{n % 6}")
        for n in range(120)
    ]
    return _recorded([*bases, *jobs], [1.0] * 8, random)


def _growing(random: Random) -> Recorded:
    jobs = [
        SimulatedJob(f"e{n}", (EXPERIMENTS, ""), 30 * (1 + 2 * n / 150) * random.lognormvariate(0, 0.2))
        for n in range(150)
    ]
    return _recorded(jobs, [1.0] * 8, random)


def _speeds(random: Random) -> Recorded:
    jobs = [SimulatedJob(f"e{n}", (EXPERIMENTS, ""), 120 * random.lognormvariate(0, 0.2)) for n in range(150)]
    return _recorded(jobs, [1.0, 1.0, 1.0, 2.0, 2.0, 4.0, 4.0, 4.0], random)


def _failing(random: Random) -> Recorded:
    jobs = [
        SimulatedJob(
            f"e{n}",
            (EXPERIMENTS, ""),
            60 * random.lognormvariate(0, 0.3),
            fails_at=random.uniform(0.1, 0.9) if random.random() < 0.2 else None,
        )
        for n in range(150)
    ]
    return _recorded(jobs, [1.0] * 8, random)


SHAPES: Mapping[str, Callable[[Random], Recorded]] = {
    "alike": lambda random: _plain(random, 150, 0.25),
    "some ten times as long": lambda random: _plain(random, 150, 1.0),
    "a dozen on eight slots": lambda random: _plain(random, 12, 0.4),
    "two kinds, the long one last": _two_kinds,
    "base models, then experiments": _two_phases,
    "base models, long experiments": lambda random: _two_phases(random, 600.0),
    "longer and longer": _growing,
    "slots of three speeds": _speeds,
    "one in five is tried twice": _failing,
    "ten seconds of 1,000 short jobs": lambda random: _plain(random, 1000, 0.3, 64),
}
"""Runs by what is peculiar to them."""
