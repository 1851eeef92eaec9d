"""How fast jobs go beside how many others: each is only ever compared with itself.

Epochs of one job are no measure for those of another, but where a job goes at 0.8 of its own pace once a
second one runs beside it, two get 1.6 times as much done as one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Dict, Optional, Tuple

from worker_agent.core.execution import Key
from worker_agent.core.packing.ladder import below

LEAST_S, LEAST_REPORTS = 2.0, 3
"""In a shorter time, or from fewer reports, a pace is not told."""
SILENT_S = 60.0
"""A job that has reported nothing for so long never will: it counts for none."""

_DOUBTFUL = 0.85, 1.2
"""Factors in between may be chance where few jobs tell them."""
_SOME = 3

LEAST_ENDS = 3
"""So many more jobs end than run at a time, before it is told how much they make."""

Steps = Tuple[int, int]
"""Two numbers of jobs at a time, the smaller one first."""


@dataclass
class _Window:
    """What a job did while the same number ran."""

    change: int
    began: Tuple[float, float]
    """Seconds, and how far the job was."""
    reports: int = 0
    """Since then."""

    def tells(self, at: float, progress: float) -> bool:
        """Return whether it is long enough to tell a pace."""
        began_at, began = self.began
        return at - began_at >= LEAST_S and self.reports >= LEAST_REPORTS and progress > began


@dataclass
class _Pace:
    window: _Window
    last: float
    """How far it was when it reported last."""
    rates: Dict[int, float] = field(default_factory=dict)
    """Progress a second, by number of jobs at a time."""


class Paces:
    """The paces of the jobs of one device."""

    def __init__(self) -> None:
        self._paces: Dict[Key, _Pace] = {}
        self._change = 0
        self._samples: Dict[Steps, Dict[Key, float]] = {}
        """Logarithms of how much more the larger number gets done, by job."""
        self._silent: Dict[Key, Optional[float]] = {}
        """Jobs that may work and have not reported yet, and since when others have beside them."""

    @property
    def number(self) -> int:
        """How many jobs run that have reported progress."""
        return len(self._paces)

    def may_work(self, key: Key) -> None:
        """A job may work already, though it has not reported: until it does, nobody's pace is told."""
        if key not in self._paces and key not in self._silent:
            self._silent[key] = None
            self._change += 1

    def report(self, key: Key, progress: float, at: float) -> float:
        """A job has come so far at a time; return how much farther that is than it was."""
        self._silent.pop(key, None)
        pace = self._paces.get(key)
        if pace is None:
            self._change += 1
            self._paces[key] = _Pace(_Window(self._change, (at, progress)), progress)
            return 0.0
        farther, pace.last = max(0.0, progress - pace.last), progress
        self._look(key, pace, progress, at)
        return farther

    def _look(self, key: Key, pace: _Pace, progress: float, at: float) -> None:
        began_at, began = pace.window.began
        pace.window.reports += 1
        # A clock that was put back would have the window last for as long.
        if pace.window.change != self._change or progress < began or at < began_at:
            pace.window = _Window(self._change, (at, progress))
        elif self._all_speak(at) and pace.window.tells(at, progress):
            self._measured(key, pace, (progress - began) / (at - began_at))

    def leave(self, key: Key) -> None:
        """A job has ended, whether it had reported or not."""
        self._silent.pop(key, None)
        if self._paces.pop(key, None):
            self._change += 1

    def _all_speak(self, at: float) -> bool:
        if self._silent:
            self._silent = {key: at if since is None else since for key, since in self._silent.items()}
            kept = {key: since for key, since in self._silent.items() if at - (since or at) < SILENT_S}
            self._change += kept != self._silent
            self._silent = kept
        return not self._silent

    def gain(self, low: int, high: int) -> Optional[float]:
        """Return by what factor `high` jobs at a time get more done than `low`.

        Jobs that were seen beside a number near `low` tell it too, by how much more each part more of jobs
        brought.  None until half of those that were there have told, or some that leave no doubt.
        """
        told = [
            (steps, logarithm)
            for steps, found in self._samples.items()
            if below(low) <= steps[0] and steps[1] == high
            for logarithm in found.values()
        ]
        if not told:
            return None
        span = sum(math.log(steps[1] / steps[0]) for steps, _ in told)
        factor = math.exp(sum(logarithm for _, logarithm in told) / span * math.log(high / low))
        clear = not _DOUBTFUL[0] < factor < _DOUBTFUL[1]
        return factor if clear or 2 * len(told) >= low else None

    def knows(self, number: int) -> bool:
        """Return whether some jobs, or half of fewer, have been seen while about so many ran."""
        near = range(below(number), number + 1)
        seen = sum(any(each in pace.rates for each in near) for pace in self._paces.values())
        return seen >= _SOME or 2 * seen >= number

    def forget(self) -> None:
        """Measure anew: jobs may be of another kind than they were."""
        self._samples.clear()
        for pace in self._paces.values():
            pace.rates.clear()

    def _measured(self, key: Key, pace: _Pace, rate: float) -> None:
        number = self.number
        pace.rates[number] = rate
        for other, its_rate in pace.rates.items():
            if other != number:
                factor = math.log(rate * number / (its_rate * other))
                steps = (min(other, number), max(other, number))
                self._samples.setdefault(steps, {})[key] = factor if other < number else -factor


class Throughput:
    """How much progress a second all jobs make together while so many at a time are allowed.

    For jobs too short to be compared each with itself: they are taken to be of one kind, and are many.
    """

    def __init__(self) -> None:
        self._counts: Dict[int, _Count] = {}
        self._made = 0.0
        """Since a job ended last."""
        self._last: Optional[Tuple[int, float]] = None
        """How many were allowed when a job ended last, and when that was."""

    def add(self, progress: float) -> None:
        """A job has come so much further."""
        self._made += progress

    def end(self, allowed: int, at: float) -> None:
        """A job has ended; what was made while the number changed counts for none."""
        if self._last and self._last[0] == allowed:
            self._counts.setdefault(allowed, _Count()).add(self._made, max(0.0, at - self._last[1]))
        self._last, self._made = (allowed, at), 0.0

    def gain(self, low: int, high: int) -> Optional[float]:
        """Return by what factor more is done where `high` jobs are allowed; None until enough have ended."""
        if not (self.knows(low) and self.knows(high)):
            return None
        return self._counts[high].a_second / self._counts[low].a_second

    def knows(self, number: int) -> bool:
        """Return whether enough jobs have ended while so many were allowed."""
        count = self._counts.get(number)
        return count is not None and count.ended >= number + LEAST_ENDS and count.a_second > 0

    def forget(self) -> None:
        """Count anew."""
        self._counts.clear()


@dataclass
class _Count:
    ended: int = 0
    made: float = 0.0
    seconds: float = 0.0

    def add(self, made: float, seconds: float) -> None:
        self.ended, self.made, self.seconds = self.ended + 1, self.made + made, self.seconds + seconds

    @property
    def a_second(self) -> float:
        return self.made / self.seconds if self.seconds > 0 else 0.0
