"""By which rule a job may go on, at the marks at which jobs are compared.

Both rules take what others have come to so far and wait for nobody, as jobs of a run come one after another:
median stopping as in Vizier (Golovin et al., KDD 2017, section 3.2), with the jobs' last figures in place of
their running means; successive halving as in ASHA (Li et al., MLSys 2020, algorithm 2), but for a job that is
among the best when it reaches a rung, which goes on without being stopped first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf
from statistics import median
from typing import Protocol

from master.specs import ASHA, PruneSpec


class Rule(Protocol):
    """Compares figures, of which lower ones are better."""

    @property
    def promotes(self) -> bool:
        """A job that was stopped may go on later, as others have come to worse …"""

    @property
    def carries(self) -> bool:
        """… and one that has ended counts with its last figure at all later marks."""

    def marks(self, after: float, upto: float) -> Iterator[float]:
        """Yield the steps of the marks beyond `after` and not beyond `upto`, in their order."""

    def holds(self, own: float, others: Sequence[float]) -> bool:
        """Return whether a job with this figure at a mark may go on, given those of the others there."""

    def bar(self, figures: Sequence[float]) -> float:
        """Return the worst of all figures at a mark with which a job may go on, of a rule that promotes."""

    def says(self, others: Sequence[float]) -> str:
        """Say what a job did not come up to."""


@dataclass(frozen=True)
class Median:
    """A job may go on unless it is worse than the median of the others."""

    warm_up: int
    """The first step at which jobs are compared."""
    every: int
    """Steps from one mark to the next."""
    least: int
    """So many others must have come to a mark before anybody is stopped there."""
    promotes: bool = False
    carries: bool = True

    def marks(self, after: float, upto: float) -> Iterator[float]:
        """Yield the last mark, for one of every so many steps from the warm-up on.

        A figure at another is had from those on either side.
        """
        if upto >= self.warm_up:
            mark = self.warm_up + (upto - self.warm_up) // self.every * self.every
            if mark > after:
                yield mark

    def holds(self, own: float, others: Sequence[float]) -> bool:
        """Return whether it is no worse than the median."""
        return len(others) < self.least or own <= median(others)

    def bar(self, figures: Sequence[float]) -> float:
        """Return a figure to which nobody comes: what was stopped stays so."""
        return -inf

    def says(self, others: Sequence[float]) -> str:
        """Say how many have a median that is better."""
        return f"is worse than the median of {len(others)} others"


@dataclass(frozen=True)
class Halving:
    """One of `eta` may go on from each rung to the next, the best first, and one at least."""

    least: int
    """Steps to the first rung."""
    eta: int
    """Each rung is so many times as far as the one before."""
    promotes: bool = True
    carries: bool = False

    def marks(self, after: float, upto: float) -> Iterator[float]:
        """Yield the rungs: `least`, `least · eta`, `least · eta²` …"""
        mark = self.least
        while mark <= upto:
            if mark > after:
                yield mark
            mark *= self.eta

    def holds(self, own: float, others: Sequence[float]) -> bool:
        """Return whether it is among the best; of equal ones all are."""
        return own <= self.bar([*others, own])

    def bar(self, figures: Sequence[float]) -> float:
        """Return the figure of the last one that has a place."""
        return sorted(figures)[self._places(len(figures)) - 1]

    def says(self, others: Sequence[float]) -> str:
        """Say among how many it is not."""
        count = len(others) + 1
        return f"is not among the best {self._places(count)} of {count}"

    def _places(self, count: int) -> int:
        return max(1, count // self.eta)


def rule_of(spec: PruneSpec) -> Rule:
    """Return the rule that a jobs file asks for."""
    if spec.by == ASHA:
        return Halving(spec.least_steps, spec.eta)
    return Median(spec.least_steps, spec.every, spec.least_jobs)
