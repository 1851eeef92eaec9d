"""Which jobs of a run a reading verb shows, and in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from master.core.explaining.standing import Standing, row_of
from master.core.json_values import same
from master.core.nearest import hint, shown
from master.core.planning.plan import Job
from master.core.running.lifecycle import State
from master.core.running.summary import JobRow
from master.errors import UsageError
from master.verbs.common.run_directory import RunJobs
from master.view.answers.states import ENDED, STATES

_RANK = {state: rank for rank, state in enumerate(STATES)}
Fields = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Wish:
    """What the user wants to see."""

    states: Sequence[str] | None = None
    """None for all."""
    where: Sequence[tuple[str, Any]] = ()
    """Fields and the values that they must have."""
    sort: str = "state"
    reverse: bool = False


@dataclass(frozen=True)
class Selected:
    """A job that is shown."""

    job: Job
    standing: Standing
    fields: Mapping[str, Any]
    now: float
    """Unix time."""
    row: JobRow | None = None
    """None until `parsed`: how hundreds of thousands of jobs ended is not parsed to show a few."""

    def parsed(self) -> Selected:
        """Return it with its row."""
        return self if self.row else replace(self, row=row_of(self.job, self.standing))

    @property
    def seconds(self) -> float | None:
        """How long its last attempt took, takes so far, or how long the job has been in its state."""
        row, standing = self.parsed().row, self.standing
        if standing.state in ENDED:
            return row.duration_s if row else None
        began = standing.started_at if standing.state == State.RUNNING.value else standing.since
        return max(0.0, self.now - began) if began else None


_KEYS: Mapping[str, Callable[[Selected], Any]] = {
    "state": lambda item: _RANK[item.standing.state],
    "time": lambda item: item.seconds or 0.0,
    "since": lambda item: item.standing.since,
    "job": lambda item: item.job.job_id,
    "worker": lambda item: item.standing.worker or "",
}


def select(run: RunJobs, fields: Fields, wish: Wish, now: float) -> list[Selected]:
    """Return the jobs that the user wants to see.  Raises UsageError for a field that no job has."""
    _check_names(wish, fields)
    found = [
        Selected(job, standing, fields.get(job_id, {}), now)
        for job_id, job in run.jobs.items()
        if _fits(standing := run.standing(job_id), fields.get(job_id, {}), wish)
    ]
    if wish.sort == "time":
        found = [item.parsed() for item in found]
    return sorted(found, key=_KEYS[wish.sort], reverse=wish.reverse)


def _fits(standing: Standing, fields: Mapping[str, Any], wish: Wish) -> bool:
    if wish.states is not None and standing.state not in wish.states:
        return False
    return all(name in fields and same(fields[name], value) for name, value in wish.where)


def _check_names(wish: Wish, fields: Fields) -> None:
    known = {name for each in fields.values() for name in each} if wish.where else set()
    for name, _ in wish.where:
        if name not in known:
            problem = f"no job has the field {shown(name)}"
            raise UsageError(f"--where: {problem}: {hint(name, known)}")
