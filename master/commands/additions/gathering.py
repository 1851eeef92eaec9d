"""The jobs of many additions, put together once for a start."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from master.core.running.orders.of_jobs import AskedProgram
from master.runs.script_jobs import ScriptJobs
from master.runs.spec import MoreJobs
from master.specs import JobsSpec


class Gathered:
    """Jobs that come in by and by: each counts once, and those of equal code share it."""

    def __init__(self, own: JobsSpec) -> None:
        """`own` are those of the command."""
        self._own = own
        self._seen = {job.job_hash for job in own.jobs}
        self._parts: list[JobsSpec] = []
        self._programs: dict[tuple[str, str, AskedProgram], list[MoreJobs]] = {}

    def take(self, more: MoreJobs) -> None:
        """Take in those that are new."""
        new = more.jobs.without(self._seen)
        if not new.jobs:
            return
        self._seen.update(job.job_hash for job in new.jobs)
        self._parts.append(new)
        if more.work:
            order = more.order
            key = order.name, str(order.code.get("snapshot")), order.program
            self._programs.setdefault(key, []).append(replace(more, jobs=new))

    def jobs(self) -> JobsSpec:
        """Return all jobs."""
        return _joined([self._own, *self._parts])

    def with_programs(self) -> list[MoreJobs]:
        """Return those with programs of their own, once for each."""
        return [_one(parts) for parts in self._programs.values()]


def _one(parts: list[MoreJobs]) -> MoreJobs:
    first, jobs = parts[0], _joined([more.jobs for more in parts])
    assert isinstance(first.work, ScriptJobs)
    return replace(first, jobs=jobs, work=replace(first.work, jobs=jobs))


def _joined(parts: list[JobsSpec]) -> JobsSpec:
    """Return jobs of which none is in two parts as one; of a base model the first part counts."""
    first, *rest = parts
    if not rest:
        return first
    back = parts[::-1]
    return replace(
        first,
        jobs=tuple(chain.from_iterable(part.jobs for part in parts)),
        base_models={name: base for part in back for name, base in part.base_models.items()},
        base_jobs={name: config for part in back for name, config in part.base_jobs.items()},
        asked_for=frozenset(chain.from_iterable(part.asked_for for part in parts)),
    )
