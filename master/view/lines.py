"""Lines about a run as it goes: what a transition says to the user, and how bursts of them are folded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum

from master.core.harmless import clean, last_line
from master.core.running.commands import Transition
from master.core.running.lifecycle import Trigger
from master.core.running.records import JobRecord
from master.view.wording import duration, job_name


class Kind(Enum):
    """What a line is about; the value is the word of a folded count."""

    NOTE = "notes"
    FAILED = "failed"
    BLOCKED = "blocked"
    RETRIED = "to be tried again"
    CANCELLED = "cancelled"
    PRUNED = "pruned"
    FINISHED = "finished"
    STARTED = "started"


PROBLEMS = frozenset({Kind.FAILED, Kind.BLOCKED, Kind.RETRIED})
_RANK = {kind: rank for rank, kind in enumerate(Kind)}


@dataclass(frozen=True)
class Line:
    """One line for the user."""

    at: float
    kind: Kind
    text: str


def line_of(transition: Transition, record: JobRecord) -> Line | None:
    """Return what a transition says to the user, None where it is of no interest."""
    kind = _KINDS.get(transition.trigger)
    if kind is None:
        return None
    return Line(transition.at, kind, clean(_text(kind, transition, record)))


_KINDS = {
    Trigger.START: Kind.STARTED,
    Trigger.ADOPT: Kind.STARTED,
    Trigger.COLLECT: Kind.FINISHED,
    Trigger.RETRY: Kind.RETRIED,
    Trigger.LOSE: Kind.RETRIED,
    Trigger.FAIL: Kind.FAILED,
    Trigger.BLOCK: Kind.BLOCKED,
    Trigger.CANCEL: Kind.CANCELLED,
    Trigger.USER_CANCEL: Kind.CANCELLED,
    Trigger.SHELVE: Kind.PRUNED,
    Trigger.PROMOTE: Kind.NOTE,
    Trigger.REDO: Kind.NOTE,
}


def _text(kind: Kind, transition: Transition, record: JobRecord) -> str:
    name, worker = job_name(record.job), transition.worker
    if kind is Kind.STARTED:
        again = f" (try {transition.attempt})" if transition.attempt > 1 else ""
        return f"started   {name} on {worker}{again}"
    if kind is Kind.FINISHED:
        took_s = record.finished.duration_s if record.finished else None
        left = record.finished.left_running if record.finished else ()
        ended = f"; ended what it left running: {', '.join(left)}" if left else ""
        return f"finished  {name} on {worker} in {duration(took_s)}{ended}"
    if kind is Kind.RETRIED:
        return f"retrying  {name}: try {transition.attempt} on {worker}: {_reason(transition)}"
    if kind is Kind.FAILED:
        return f"FAILED    {name} on {worker}: {_reason(transition)}"
    if kind is Kind.BLOCKED:
        return f"blocked   {name}: {transition.note}"
    if kind is Kind.CANCELLED:
        return f"cancelled {name} {transition.note}".rstrip()
    if kind is Kind.PRUNED:
        return f"pruned    {name}: {transition.note}"
    return f"again     {name}: {transition.note}"


def _reason(transition: Transition) -> str:
    """Return why an attempt failed, with the last that its log says."""
    said = last_line(transition.finished.stderr_tail) if transition.finished else ""
    return f"{transition.note} ({said})" if said and said not in transition.note else transition.note


@dataclass
class Folder:
    """Lets so many lines a second through, problems first, and counts the others."""

    per_s: int | None = 20
    """None lets everything through."""
    _tokens: float = 0.0
    _last: float | None = None
    _folded: Counter[Kind] = field(default_factory=Counter)
    _told: float = 0.0

    def take(self, lines: Sequence[Line], at: float) -> list[Line]:
        """Return the lines to show now, in the order of their times."""
        if self.per_s is None:
            return sorted(lines, key=lambda line: line.at)
        self._refill(self.per_s, at)
        ranked = sorted(range(len(lines)), key=lambda index: _RANK[lines[index].kind])
        chosen = ranked[: int(self._tokens)]
        self._tokens -= len(chosen)
        self._folded.update(lines[index].kind for index in ranked[len(chosen) :])
        shown = sorted((lines[index] for index in chosen), key=lambda line: line.at)
        return [*shown, *self._count(at, wait_s=1.0)]

    def rest(self, at: float) -> list[Line]:
        """Return the count of what was folded and not yet told."""
        return self._count(at, wait_s=0.0)

    def _refill(self, per_s: int, at: float) -> None:
        past_s = 1.0 if self._last is None else max(0.0, at - self._last)
        self._tokens, self._last = min(float(per_s), self._tokens + past_s * per_s), at

    def _count(self, at: float, wait_s: float) -> list[Line]:
        if not self._folded or at - self._told < wait_s:
            return []
        numbers = ", ".join(
            f"{self._folded[kind]:,} more {kind.value}" for kind in Kind if self._folded[kind]
        )
        self._folded.clear()
        self._told = at
        return [Line(at, Kind.NOTE, f"… and {numbers}")]
