"""Jobs that are compared with each other: what they came to at which step, and which may go on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from master.core.running.pruning.rules import Rule

Reached = tuple[float, float]
"""A step, and the figure there; lower figures are better."""


@dataclass
class Entrant:
    """What one job has come to."""

    marks: list[float] = field(default_factory=list)
    """Steps, growing …"""
    figures: list[float] = field(default_factory=list)
    """… and the best that it had come to by each."""
    passed: int = 0
    """Marks at which it was found that it may go on."""
    last: Reached | None = None
    """The furthest step that it told of, and the best that it had come to by then; None before the first."""

    @property
    def furthest(self) -> float:
        """The last mark that it has come to; 0 before the first."""
        return self.marks[-1] if self.marks else 0.0

    def add(self, mark: float, figure: float) -> None:
        """Take in what it had come to at a mark beyond the furthest."""
        self.marks.append(mark)
        self.figures.append(figure)
        self.last = mark, figure

    def unjudged(self) -> list[Reached]:
        """Return the marks at which it was not yet found that it may go on, with its figures there."""
        first = self.passed
        return list(zip(self.marks[first:], self.figures[first:], strict=True))

    def at(self, mark: float) -> float | None:
        """Return what it had come to at a mark; None where it has not got there."""
        number = bisect_left(self.marks, mark)
        if number == len(self.marks):
            return None
        if self.marks[number] == mark:
            return self.figures[number]
        before = (self.marks[number - 1], self.figures[number - 1]) if number else None
        return _between(before, (self.marks[number], self.figures[number]), mark)


@dataclass(frozen=True)
class Verdict:
    """Why a job is to be stopped."""

    mark: float
    figure: float
    reason: str


Asks = Callable[[str], bool]
"""Tells something of a job, by its id."""


class Contest:
    """Jobs that are equal in all that they must be equal in to be compared."""

    def __init__(self, rule: Rule) -> None:
        self._rule = rule
        self.entrants: dict[str, Entrant] = {}

    def enter(self, job_id: str) -> None:
        """Take a job in."""
        self.entrants[job_id] = Entrant()

    def reach(self, job_id: str, now: Reached) -> list[Reached]:
        """Take in what a job says, and return the marks that it has come to with it.

        Reports get lost: between two of them the best figure is taken to change evenly.  Another try at the
        job is heard once it is beyond the one before.
        """
        entrant, (step, figure) = self.entrants[job_id], now
        before = entrant.last
        if before is not None and step <= before[0]:
            return []
        now = step, figure if before is None else min(figure, before[1])
        found = [(mark, _between(before, now, mark)) for mark in self._rule.marks(entrant.furthest, step)]
        for reached in found:
            entrant.add(*reached)
        entrant.last = now
        return found

    def has_told_of(self, job_id: str, mark: float) -> bool:
        """Return whether what a job said last was of a mark itself, and not of steps on either side."""
        last = self.entrants[job_id].last
        return last is not None and last[0] == mark

    def note(self, job_id: str, mark: float, figure: float) -> None:
        """Take in what the journal tells; what is no mark of the rule by now is left alone."""
        entrant = self.entrants[job_id]
        if mark in self._rule.marks(entrant.furthest, mark):
            entrant.add(mark, figure)

    def let_pass(self, job_id: str, mark: float | None = None) -> None:
        """Let a job go on beyond all marks that it has come to, or beyond those before one."""
        entrant = self.entrants[job_id]
        entrant.passed = sum(mark is None or each < mark for each in entrant.marks)

    def verdict(self, job_id: str, counts: Asks, has_ended: Asks) -> Verdict | None:
        """Return why a job may not go on; None where it may: `let_pass` remembers that.

        `counts` is false for those that are not compared any more.
        """
        for mark, figure in self.entrants[job_id].unjudged():
            others = list(self._others(job_id, mark, counts, has_ended))
            if not self._rule.holds(figure, others):
                return Verdict(mark, figure, self._rule.says(others))
        return None

    def promoted(self, is_stopped: Asks, counts: Asks) -> Iterator[str]:
        """Yield the jobs that were stopped and may go on now."""
        if not self._rule.promotes:
            return
        bars: dict[float, float] = {}
        for job_id, entrant in self.entrants.items():
            if is_stopped(job_id) and all(
                figure <= self._bar(mark, bars, counts) for mark, figure in entrant.unjudged()
            ):
                yield job_id

    def _bar(self, mark: float, known: dict[float, float], counts: Asks) -> float:
        """Return the worst figure with which a job may go on from a mark, found once for all of a contest."""
        if mark not in known:
            figures = (other.at(mark) for name, other in self.entrants.items() if counts(name))
            known[mark] = self._rule.bar([figure for figure in figures if figure is not None])
        return known[mark]

    def _others(self, job_id: str, mark: float, counts: Asks, has_ended: Asks) -> Iterator[float]:
        """Yield what the others came to at a mark."""
        for name, other in self.entrants.items():
            if name == job_id or not other.marks or not counts(name):
                continue
            figure = other.at(mark)
            if figure is None and self._rule.carries and has_ended(name):
                figure = other.figures[-1]
            if figure is not None:
                yield figure


def _between(before: Reached | None, now: Reached, mark: float) -> float:
    """Return the figure at a mark, which is at the step of `now` or before it."""
    step, figure = now
    if before is None or mark >= step:
        return figure
    share = max(0.0, (mark - before[0]) / (step - before[0]))
    return before[1] + share * (figure - before[1])
