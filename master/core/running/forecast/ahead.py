"""What a run has still to do, kept up to date by its transitions."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median

from master.core.running.commands import Transition
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.forecast.durations import Ended
from master.core.running.forecast.future import EXPERIMENTS, Kind, Work
from master.core.running.lifecycle import State
from master.core.running.placing.assigning import most_at_once
from master.core.running.records import JobRecord, RunState
from worker_agent.protocol.outcome import Finished

_MOST_SEEN = 300
"""Durations of a kind that are remembered, the latest."""
_MOST_GAPS = 100
_MOST_EXPECTED = 50
_MOST_TRIES, _FEW = 2.0, 5
_MOST_SLOTS = 10**9
_OVER = frozenset({State.COLLECTING, State.SUCCEEDED, State.FAILED, State.PRUNED})
_NONE: Mapping[Kind, int] = {}
_READY = frozenset({State.READY, State.ASSIGNED, State.STAGING})


@dataclass
class Ahead:
    """Durations seen, what runs, and how many jobs wait; a transition touches a few entries."""

    _ended: dict[Kind, deque[tuple[float, float]]] = field(default_factory=dict)
    """When attempts of a kind began, and how many seconds they took."""
    counts: dict[State, Counter[Kind]] = field(default_factory=lambda: {state: Counter() for state in State})
    running: dict[str, tuple[Kind, float]] = field(default_factory=dict)
    """Kind and Unix time of the start."""
    _expected: dict[Kind, list[float]] = field(default_factory=dict)
    """How many seconds users say that jobs of a kind take: it counts until one has ended."""
    _tries: int = 0
    _done: int = 0
    _freed: dict[str, list[float]] = field(default_factory=dict)
    """When slots of a worker became free while jobs were ready."""
    _gaps: deque[float] = field(default_factory=lambda: deque(maxlen=_MOST_GAPS))

    @classmethod
    def of(cls, state: RunState, at: float) -> Ahead:
        """Return what a run has still to do; quick for 100,000 jobs, since it may stand still meanwhile."""
        ahead = cls()
        records = state.jobs.values()
        counted = Counter((record.state, record.job.phase, record.job.kind) for record in records)
        for (stands, phase, kind), number in counted.items():
            ahead._count(stands, (phase, kind), number)
        for record in records:
            if record.finished or record.state is State.RUNNING or record.job.expected_s is not None:
                ahead._look_at(record, at)
        return ahead

    def add(self, record: JobRecord, at: float) -> None:
        """Take in a job as it is at a time."""
        self._count(record.state, kind_of(record), 1)
        self._look_at(record, at)

    def _look_at(self, record: JobRecord, at: float) -> None:
        kind, expected = kind_of(record), record.job.expected_s
        if expected is not None and len(told := self._expected.setdefault(kind, [])) < _MOST_EXPECTED:
            told.append(expected)
        if record.state is State.RUNNING:
            started = record.started_at
            self.running[record.job.job_id] = kind, at if started is None else started
        elif record.finished:
            self._see(kind, record.finished)
            self._tries += max(record.attempts, 1)
            self._done += record.state in _OVER

    def take(self, transition: Transition, kind: Kind, before: State) -> None:
        """Take in what has become of a job that was in another state before."""
        self._count(before, kind, -1)
        self._count(transition.state, kind, 1)
        if transition.finished:
            began = self.running.get(transition.job_id)
            self._see(kind, transition.finished, began[1] if began else None)
            self._tries += 1
        self._done += transition.state in _OVER and before not in _OVER
        if before is State.RUNNING:
            self.running.pop(transition.job_id, None)
            if transition.worker and self._any_ready():
                self._freed.setdefault(transition.worker, []).append(transition.at)
        elif transition.state is State.RUNNING:
            self.running[transition.job_id] = kind, transition.at
            if freed := self._freed.get(transition.worker or ""):
                self._gaps.append(max(transition.at - freed.pop(0), 0.0))

    def of_phase(self, phase: int) -> dict[State, int]:
        """Return how many jobs of a phase are in each state."""
        return {
            state: sum(number for kind, number in counts.items() if kind[0] == phase)
            for state, counts in self.counts.items()
        }

    def work(self, slots: int, at: float, *, strict: bool = False) -> Work:
        """Return what there is to do with so many slots."""
        running = [(kind, max(at - started, 0.0)) for kind, started in self.running.values()]
        pending = self._waiting_in(State.PENDING)
        # A pending training waits for nothing that is not going to be ready at once.
        ready = {kind: count for kind, count in pending.items() if kind[0] != EXPERIMENTS}
        for state in _READY:
            ready = Counter(ready) + self._waiting_in(state)
        later = {kind: count for kind, count in pending.items() if kind[0] == EXPERIMENTS}
        tries = self._tries_of_a_job()
        return Work(
            running,
            _tried(ready, tries, Counter(kind for kind, _ in running)),
            _tried(later, tries),
            *(max(slots, len(running)), strict, self._between_s()),
        )

    def _tries_of_a_job(self) -> float:
        """Return how many attempts a job took that is done."""
        return min(max((self._tries + _FEW) / (self._done + _FEW), 1.0), _MOST_TRIES)

    def _waiting_in(self, state: State) -> Counter[Kind]:
        return +self.counts[state]

    def _between_s(self) -> float:
        return median(self._gaps) if self._gaps else 0.0

    def _any_ready(self) -> bool:
        return any(any(self.counts[state].values()) for state in _READY)

    def _count(self, state: State, kind: Kind, number: int) -> None:
        self.counts[state][kind] += number

    def _see(self, kind: Kind, ended: Finished, began: float | None = None) -> None:
        began = ended.started_at if began is None else began
        if began is not None and ended.duration_s is not None:
            self._ended.setdefault(kind, deque(maxlen=_MOST_SEEN)).append((began, ended.duration_s))

    def seen(self, at: float) -> dict[Kind, list[Ended]]:
        """Return the attempts that have ended, as they are remembered; before that what users expect."""
        told = {kind: [(0.0, seconds) for seconds in many] for kind, many in self._expected.items()}
        return {
            **told,
            **{kind: [(at - began, took) for began, took in it] for kind, it in self._ended.items()},
        }


def _tried(jobs: Mapping[Kind, int], tries: float, running: Mapping[Kind, int] = _NONE) -> dict[Kind, int]:
    """Return how many attempts are to come, of jobs that take so many tries, and of those that run now."""
    many = {
        kind: jobs.get(kind, 0) * tries + running.get(kind, 0) * (tries - 1.0) for kind in {**jobs, **running}
    }
    return {kind: round(number) for kind, number in many.items() if round(number)}


def kind_of(record: JobRecord) -> Kind:
    """Return what the job shares with those that take about equally long."""
    return record.job.phase, record.job.kind


def slots_of(state: RunState) -> int:
    """Return how many jobs can run at a time now: what workers that are given jobs have, and users allow."""
    views = [view for view in state.workers.values() if view.available and not (view.paused or view.hold)]
    attempts = sum(len(view.attempts) for view in views)
    # A job may take more than a slot, such as a whole GPU.
    each = max(sum(view.used for view in views) / attempts, 1.0) if attempts else 1.0
    offered, allowed = min(int(sum(map(_offered, views)) / each), _MOST_SLOTS), most_at_once(state)
    return offered if allowed is None else min(offered, allowed)


def _offered(view: WorkerView) -> float:
    own = max(view.slots - view.held_by_others, 0.0)
    return own if view.most is None else min(own, view.most)
