"""Which of the jobs run: `--only` and `--exclude`."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from master.core.nearest import shown
from master.errors import UsageError
from master.orchestrator.jobs import TrainingJob

_OFFERED = 3


def names_of(job: TrainingJob) -> tuple[str, ...]:
    """Return the names by which a job may be chosen."""
    return tuple(dict.fromkeys((job.job_id, job.short_id, job.name)))


def select(
    jobs: Sequence[TrainingJob], only: Sequence[str], exclude: Sequence[str]
) -> tuple[tuple[TrainingJob, ...], tuple[str, ...]]:
    """Return the chosen jobs in their order, and notes about names that no job has.

    Raises UsageError where no job has any name in `only`, offering the nearest ones.
    """
    gone = [name for name in only if not any(_is(job, name) for job in jobs)]
    if gone and len(gone) == len(only):
        raise UsageError(_unknown("--only", gone[0], jobs))
    kept = [job for job in jobs if not only or any(_is(job, name) for name in only)]
    kept = [job for job in kept if not any(_is(job, name) for name in exclude)]
    notes = [_unknown("--only", name, jobs) for name in gone]
    notes += [
        _unknown("--exclude", name, jobs) for name in exclude if not any(_is(job, name) for job in jobs)
    ]
    return tuple(kept), tuple(notes)


def _unknown(flag: str, name: str, jobs: Sequence[TrainingJob]) -> str:
    return f"{flag} {shown(name)[1:-1]}: no job has this name; {nearest(name, jobs)}"


def _is(job: TrainingJob, name: str) -> bool:
    return name.lower() in (known.lower() for known in names_of(job))


def nearest(name: str, jobs: Iterable[TrainingJob]) -> str:
    """Say which jobs were probably meant by a name that none has, or which there are."""
    known = list(dict.fromkeys(known for job in jobs for known in names_of(job)))
    by_lower = {each.lower(): each for each in known}
    near = difflib.get_close_matches(name.lower(), by_lower, n=_OFFERED, cutoff=0.5)
    if near:
        return f"did you mean {' or '.join(by_lower[each] for each in near)}?"
    return f"there are {', '.join(sorted({job.job_id for job in jobs})) or 'none'}"
