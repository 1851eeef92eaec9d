"""Counts by phase and the time that is left, kept up to date by a run's transitions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from master.core.running.commands import Transition
from master.core.running.forecast.ahead import Ahead, kind_of, slots_of
from master.core.running.forecast.durations import Uniform
from master.core.running.forecast.future import Kind
from master.core.running.forecast.time_left import TimeLeft, time_left
from master.core.running.lifecycle import State
from master.core.running.records import JobRecord, RunState
from master.core.running.summary import PhaseCounts

RECKONED_EVERY_S = 2.0
PHASES = (1, 2)
_UNKNOWN: dict[int, TimeLeft | None] = dict.fromkeys(PHASES)


Left = dict[int, TimeLeft | None]


def reckoning(ahead: Ahead, state: RunState, at: float) -> Callable[[Uniform], Left]:
    """Return what reckons the time left; it looks at neither of both any more."""
    work, seen = ahead.work(slots_of(state), at, strict=state.policy.strict_phases), ahead.seen(at)
    return lambda uniform: time_left(work, seen, uniform)


@dataclass
class Tally:
    """What a view needs of a run's jobs, so that none has to look at all of them."""

    states: dict[str, State] = field(default_factory=dict)
    kinds: dict[str, Kind] = field(default_factory=dict)
    ahead: Ahead = field(default_factory=Ahead)
    _reckoned: tuple[float, Left] | None = None

    @classmethod
    def of(cls, state: RunState, at: float) -> Tally:
        """Return the tally of a state as it is now, which is Unix time `at`."""
        return cls(
            {job_id: record.state for job_id, record in state.jobs.items()},
            {job_id: kind_of(record) for job_id, record in state.jobs.items()},
            Ahead.of(state, at),
        )

    def add(self, record: JobRecord, at: float) -> None:
        """Take a job in as it is at a time."""
        job_id = record.job.job_id
        self.states[job_id] = record.state
        self.kinds[job_id] = kind_of(record)
        self.ahead.add(record, at)

    def take(self, transition: Transition) -> None:
        """Take one transition in; one that is known already changes nothing."""
        before = self.states.get(transition.job_id)
        if before is None or before is transition.state:
            return
        kind = self.kinds[transition.job_id]
        self.states[transition.job_id] = transition.state
        self.ahead.take(transition, kind, before)

    def phase(self, phase: int) -> PhaseCounts:
        """Return how the jobs of a phase stand."""
        return PhaseCounts.of(self.ahead.of_phase(phase))

    def time_left(self, state: RunState, at: float, uniform: Uniform) -> Left:
        """Return by phase how long it still takes; None while nothing is known or the run is stopping.

        Reckoned anew every other second: `uniform` gives the random numbers, best the same ones each time.
        """
        if state.stopping:
            return dict(_UNKNOWN)
        if self._reckoned is None or not 0 <= at - self._reckoned[0] < RECKONED_EVERY_S:
            self._reckoned = at, reckoning(self.ahead, state, at)(uniform)
        since, found = self._reckoned
        return {phase: left.after(at - since) if left else None for phase, left in found.items()}
