"""The page's own picture of a run: where its jobs stand, by number of transition, and what changed since."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any

from master.core.explaining.planned import Planned
from master.core.explaining.standing import Standing, job_of, row_of, standings
from master.core.planning.plan import Job
from master.core.running.summary import JobRow
from master.view.answers.states import ENDED
from master.web.drawn.timeline import Timeline
from master.web.indexes.states import StateIndex
from master.web.indexes.trail import Trail
from master.web.indexes.words import FieldIndex, TextIndex

MOST_CHANGES = 20_000
"""That are remembered; who was away for longer begins anew."""
_NEVER = Standing()
Fields = Mapping[str, Any]


@dataclass
class Model:
    """Plain data, changed by `take` alone."""

    run_id: str = ""
    planned: Planned | None = None
    """None in a journal of an earlier version."""
    fields: Mapping[str, Fields] = field(default_factory=dict)
    """What each job was given, where that is known."""
    seq: int = 0
    """Number of the last transition …"""
    last_at: float = 0.0
    """… and when it was, as Unix time."""
    jobs: dict[str, Job] = field(default_factory=dict)
    """Those of the latest start in the order of its plan, then what earlier ones had beside them."""
    standings: dict[str, Standing] = field(default_factory=dict)
    counts: dict[int, Counter[str]] = field(default_factory=lambda: {1: Counter(), 2: Counter()})
    """States by phase."""
    timeline: Timeline = field(default_factory=Timeline)
    """Which slots ran what."""
    index: StateIndex = field(default_factory=StateIndex)
    trail: Trail = field(default_factory=Trail)
    texts: TextIndex = field(default_factory=TextIndex)
    _changes: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=MOST_CHANGES))
    _first: int = 0
    """The number after which changes are remembered."""

    def __post_init__(self) -> None:
        """Begin with what is planned."""
        for job in (self.planned.jobs if self.planned else {}).values():
            self._add(job)
        self.by_field = FieldIndex(self.fields)
        self._sorted: list[str] = []

    def _add(self, job: Job) -> None:
        self.jobs[job.job_id] = job
        self.counts[job.phase][_NEVER.state] += 1
        self.index.add(job, _NEVER.state)
        self.texts.add(job.job_id)

    @property
    def ids(self) -> list[str]:
        """Return the ids of all jobs, sorted."""
        if len(self._sorted) != len(self.jobs):
            self._sorted = sorted(self.jobs)
        return self._sorted

    def take(self, rows: Sequence[tuple[Any, ...]]) -> None:
        """Take in rows of the journal, each behind its number, the oldest first."""
        for seq, at, job_id, trigger, state, attempt, worker, *_ in rows:
            self.trail.add(seq, job_id)
            self.timeline.take(at, job_id, trigger, state, attempt, worker)
            if job_id not in self.jobs:
                self._add(job_of(job_id))
            if len(self._changes) == MOST_CHANGES:
                self._first = self._changes[0][0]
            self._changes.append((seq, job_id))
        # In the order of their last change, which the index keeps.
        touched = reversed(dict.fromkeys(row[2] for row in reversed(rows)))
        before = {job_id: self.standing(job_id).state for job_id in touched}
        standings((row[1:] for row in rows), self.standings)
        for job_id, state in before.items():
            job, standing = self.jobs[job_id], self.standing(job_id)
            self.counts[job.phase][state] -= 1
            self.counts[job.phase][standing.state] += 1
            self.index.move(job, state, standing.state)
            self.texts.take(job_id, standing)
        if rows:
            self.seq, self.last_at = rows[-1][:2]

    def changed(self, since: int) -> set[str] | None:
        """Return which jobs have changed after a transition; None where that is not remembered."""
        if since > self.seq or since < self._first:
            return None
        recent: Iterable[tuple[int, str]] = takewhile(lambda each: each[0] > since, reversed(self._changes))
        return {job_id for _, job_id in recent}

    def standing(self, job_id: str) -> Standing:
        """Return where a job stands."""
        return self.standings.get(job_id, _NEVER)

    def row(self, job_id: str) -> JobRow:
        """Return the row of a job, whose end is parsed now."""
        return row_of(self.jobs[job_id], self.standing(job_id))

    @property
    def open(self) -> int:
        """How many jobs have not ended."""
        return sum(n for each in self.counts.values() for state, n in each.items() if state not in ENDED)
