"""A look at a run from any thread, while its dispatcher goes on.

Nothing is copied before somebody looks.  After that only the rows of what has changed since are made anew.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

from master.core.running.commands import Transition
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.lifecycle import State
from master.core.running.records import RunState
from master.core.running.summary import BaseModelRow, JobRow, PhaseCounts, base_model_rows, job_row

PHASES = (1, 2)
AT_ONCE = 1000
"""So many rows are made while the dispatcher has to wait."""


@dataclass(frozen=True)
class WorkerRow:
    """A worker as the user is told of it."""

    name: str
    up: bool
    usable: bool
    reason: str
    """Why it is not up or not usable."""
    slots: int
    """Jobs at a time."""
    held_by_others: float
    """How many of the slots other runs or users have."""
    running: int
    """Attempts that were given to it and have not ended."""

    @classmethod
    def of(cls, view: WorkerView) -> WorkerRow:
        """Return the row of a worker."""
        running = len(view.attempts)
        return cls(view.name, view.up, view.usable, view.trouble, view.slots, view.held_by_others, running)


@dataclass(frozen=True)
class Snapshot:
    """How a run stood at one moment, as its journal tells it."""

    jobs: tuple[JobRow, ...]
    """The experiments, in the order of the plan."""
    base_models: tuple[BaseModelRow, ...]
    workers: tuple[WorkerRow, ...]
    counts: Mapping[int, PhaseCounts]
    """By phase."""
    stopping: bool
    cancelling: bool
    finished: bool


class SharedState:
    """The state of a run: one thread changes it, any may ask for a snapshot."""

    def __init__(self, state: RunState) -> None:
        self.state = state
        self._lock = threading.Lock()
        self._looking = threading.Lock()
        """One looks at a time."""
        self._rows: dict[int, dict[str, JobRow]] = {phase: {} for phase in PHASES}
        self._counts: dict[int, Counter[State]] = {phase: Counter() for phase in PHASES}
        self._stale: set[str] = set()
        self._looked_at = False

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Let nobody look meanwhile: what is half done, or not in the journal yet, is not shown."""
        with self._lock:
            yield

    @contextmanager
    def looking(self) -> Iterator[RunState]:
        """Give the state to read, which nobody changes meanwhile: be quick."""
        with self._looking, self._lock:
            yield self.state

    def changed(self, transitions: Iterable[Transition]) -> None:
        """Take note of what jobs have changed."""
        if self._looked_at:
            self._stale.update(item.job_id for item in transitions)

    def added(self, job_ids: Iterable[str]) -> None:
        """Take note of jobs that are new to the run."""
        if self._looked_at:
            self._stale.update(job_ids)

    def snapshot(self) -> Snapshot:
        """Return how the run stands."""
        with self._looking:
            for some in self._never_seen():
                with self._lock:
                    self._renew(some)
            with self._lock:
                self._renew(self._stale)
                self._stale = set()
                return self._snapshot()

    def _never_seen(self) -> Iterator[Sequence[str]]:
        """Yield at the first look all job ids, few at a time: the dispatcher has turns in between."""
        if not self._looked_at:
            with self._lock:
                self._looked_at, ids = True, list(self.state.jobs)
            for begin in range(0, len(ids), AT_ONCE):
                yield ids[begin : begin + AT_ONCE]

    def _snapshot(self) -> Snapshot:
        state = self.state
        return Snapshot(
            tuple(self._rows[2].values()),
            tuple(base_model_rows(state, self._rows[1])),
            tuple(map(WorkerRow.of, state.workers.values())),
            MappingProxyType({phase: PhaseCounts.of(self._counts[phase]) for phase in PHASES}),
            state.stopping,
            state.cancelling,
            state.finished,
        )

    def _renew(self, job_ids: Iterable[str]) -> None:
        for job_id in job_ids:
            self._renew_row(job_row(self.state.jobs[job_id]))

    def _renew_row(self, row: JobRow) -> None:
        rows, counts = self._rows[row.phase], self._counts[row.phase]
        if before := rows.get(row.job_id):
            counts[before.state] -= 1
        counts[row.state] += 1
        rows[row.job_id] = row
