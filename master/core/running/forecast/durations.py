"""How long jobs take, from those that have ended and those that still run.

The jobs that end first are the short ones: a mean of them says too little.  So what still runs counts as
well, as longer than it has run so far: the estimate of Kaplan and Meier (1958, "Nonparametric estimation from
incomplete observations").  How uncertain it is tells the Bayesian bootstrap (Rubin 1981): each draw of a
future weighs the observations anew.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

Uniform = Callable[[], float]
"""Returns a number from 0 up to 1, another one each time."""

_LEAST_S = 1e-3
_SPREAD_OF_ONE = 0.5
"""Standard deviation of the logarithm of a mean that rests on one observation …"""
_SPREAD_WITHIN = 0.3
"""… and of a job's duration around that one."""
_TREND_SEEN_IN = 12
"""So many ended jobs at least show whether durations grow …"""
_TREND_SURE = 3.0
"""… by a slope that is so many times its standard error."""
_MOST_GROWN, _LEAST_GROWN = 4.0, 0.25
_LONGER = 0.5
"""What has run longer than all that ended goes on for this share of it, on average."""


@dataclass(frozen=True)
class Durations:
    """A distribution of durations in seconds, each at least a millisecond."""

    values: Sequence[float]
    """In rising order."""
    masses: Sequence[float]
    """Their probabilities; what is missing from 1 lies beyond `longest`."""
    longest: float
    """Of all that ended or runs."""
    observed: float
    """How many observations it rests on."""
    growth: tuple[float, float] = (0.0, 0.0)
    """By which share of the latest level each further job takes longer, and the standard error."""


Ended = tuple[float, float]
"""How many seconds ago an attempt began, and how many it took."""


def durations_of(
    ended: Sequence[Ended], running: Sequence[float], observed: float | None = None
) -> Durations | None:
    """Return the distribution that ended jobs speak for, and running ones by the seconds that they run.

    None before one has ended.  Where durations grow from job to job, all are brought to the latest level.
    `observed` is how much the observations are worth for these jobs, if not their number.
    """
    levelled, growth = _levelled(ended, running)
    values = sorted(max(value, _LEAST_S) for value in levelled)
    elapsed = sorted(running)
    if not values:
        return None
    masses, survival = [], 1.0
    for index, value in enumerate(values):
        at_risk = len(values) - index + len(elapsed) - bisect_right(elapsed, value)
        masses.append(survival / at_risk)
        survival -= masses[-1]
    longest = max(values[-1], elapsed[-1] if elapsed else 0.0)
    return Durations(values, masses, longest, observed or len(values), growth)


def _levelled(
    ended: Sequence[Ended], running: Sequence[float]
) -> tuple[Sequence[float], tuple[float, float]]:
    """Return durations as they would be now, and the growth with each further job: 0 unless it is plain.

    Of the jobs that began after the oldest that runs, the short ones alone have ended: they show no trend.
    """
    oldest = max(running, default=0.0)
    ordered = [seconds for _, seconds in sorted(ended, reverse=True)]
    count = sum(age > oldest for age, _ in ended)
    if count < _TREND_SEEN_IN:
        return ordered, (0.0, 0.0)
    slope, error, level = _line(ordered[:count])
    if abs(slope) <= _TREND_SURE * error or level <= _LEAST_S:
        return ordered, (0.0, 0.0)
    behind = range(len(ordered) - 1 + len(running), len(running) - 1, -1)
    now = [value + slope * steps for steps, value in zip(behind, ordered, strict=True)]
    return now, (slope / level, error / level)


def _line(values: Sequence[float]) -> tuple[float, float, float]:
    """Return slope, its standard error, and the last value of the line that is nearest in squares."""
    count = len(values)
    middle, mean = (count - 1) / 2, sum(values) / count
    spread = count * (count * count - 1) / 12
    slope = sum((index - middle) * value for index, value in enumerate(values)) / spread
    left = sum((value - mean - slope * (index - middle)) ** 2 for index, value in enumerate(values))
    return slope, math.sqrt(left / (count - 2) / spread), mean + slope * middle


class Drawn:
    """One way in which the durations may come: a distribution from which jobs are drawn."""

    def __init__(self, seen: Durations, uniform: Uniform) -> None:
        """Weigh what was seen anew by `uniform`."""
        self._values, self._longest, self._uniform = seen.values, seen.longest, uniform
        self._factor = math.exp(_SPREAD_OF_ONE / max(seen.observed, 0.5) * normal(uniform))
        self._within = _SPREAD_WITHIN / math.sqrt(max(seen.observed, 1.0))
        growth, error = seen.growth
        self._growth, self._begun = growth + error * normal(uniform), 0
        beyond = max(0.0, 1.0 - sum(seen.masses))
        weights = [mass * -math.log(1.0 - uniform()) for mass in seen.masses]
        tail = beyond * -math.log(1.0 - uniform()) if beyond > 1e-9 else 0.0
        total = sum(weights) + tail or 1.0
        self._cumulated = list(accumulate(weight / total for weight in weights))
        self._cumulated_until = self._cumulated[-1] if self._cumulated else 0.0

    def seconds(self) -> float:
        """Draw the duration of the next job."""
        self._begun += 1
        return self._draw(0.0) * self._grown(self._begun)

    def _grown(self, jobs: float) -> float:
        return min(max(1.0 + self._growth * jobs, _LEAST_GROWN), _MOST_GROWN)

    def left(self, elapsed: float) -> float:
        """Draw how many seconds a job still takes that has run for `elapsed`."""
        reached = elapsed / self._factor
        index = bisect_right(self._values, reached)
        below = self._cumulated[index - 1] if index else 0.0
        return max(self._draw(below, reached) - elapsed, 0.0)

    def _draw(self, below: float, reached: float = 0.0) -> float:
        target = below + (1.0 - below) * self._uniform()
        # What adds up to 1 may fall short of it by the last digit.
        index = bisect_right(self._cumulated, min(target, 1.0 - 1e-12))
        if index < len(self._values):
            value = self._values[index] * math.exp(self._within * normal(self._uniform))
        else:
            value = max(self._longest, reached) * (1.0 - _LONGER * math.log(1.0 - self._uniform()))
        return max(value, reached) * self._factor

    def together(self, jobs: float, draws: int = 32) -> float:
        """Draw how many seconds the next jobs take together, when they are many."""
        found = [self._draw(0.0) for _ in range(draws)]
        mean = sum(found) / draws
        deviation = math.sqrt(sum((each - mean) ** 2 for each in found) / draws)
        grown = self._grown(self._begun + jobs / 2)
        self._begun += round(jobs)
        return max(jobs * mean + math.sqrt(jobs) * deviation * normal(self._uniform), 0.0) * grown


def normal(uniform: Uniform) -> float:
    """Draw from the standard normal distribution (Box and Muller 1958)."""
    return math.sqrt(-2.0 * math.log(1.0 - uniform())) * math.cos(2.0 * math.pi * uniform())
