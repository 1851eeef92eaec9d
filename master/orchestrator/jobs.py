"""Training jobs: what is discovered and what a file lists, under one set of ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from master.errors import UsageError
from master.intake.executors import resident_problem_of
from master.orchestrator.discovery import Script, shown_path
from master.orchestrator.names import id_of, ids_apart, output_of, short
from worker_agent.protocol.terms import CollectRules

RESIDENT_PROBLEM = resident_problem_of(None)
"""Why no job here can be resident."""


@dataclass(frozen=True)
class TrainingJob:
    """A script to run once."""

    job_id: str
    name: str
    script: Path
    """Absolute."""
    output: str
    """Where its results go, below the directory for all results."""
    takes: Mapping[str, str] = field(default_factory=dict)
    """As in `Script`."""
    args: tuple[str, ...] = ()
    """Its own arguments; those of the command follow them."""
    optional: bool = False
    """Its failure does not make the run fail."""
    timeout_s: float | None = None
    stall_timeout_s: float | None = None
    gpu_bytes: int | None = None
    """GPU memory that it needs; None takes the usual share of a GPU."""
    executor: str | None = None
    """What runs it; None is what the command says."""
    collect: CollectRules | None = None
    """What of it comes home; None is all."""
    module: str = ""
    """As `python -m` takes it, where it is started so; `script` is its file."""
    discovered: bool = True
    problem: str = ""
    """Why it cannot be run; it is listed and counts as failed."""

    @property
    def short_id(self) -> str:
        """Return the id without `train_`, by which the job may be chosen too."""
        return short(self.job_id)


def discovered_job(script: Script, *, optional: bool = False) -> TrainingJob:
    """Return the job of a script that was found."""
    job_id = id_of(script.path.stem)
    return TrainingJob(
        job_id,
        name=short(job_id),
        script=script.path,
        output=output_of(job_id),
        takes=script.takes,
        optional=optional,
        problem=script.problem,
    )


@dataclass(frozen=True)
class Merged:
    """All jobs, those of the file first, and the notes about what was passed over."""

    jobs: tuple[TrainingJob, ...]
    notes: tuple[str, ...] = ()


def merge(
    configured: Sequence[TrainingJob], found: Sequence[TrainingJob], project: Path, *, overrides: bool = False
) -> Merged:
    """Return the jobs of the file and the discovered ones together.

    A script that the file lists is not taken a second time.  Where a discovered script has the id of a job of
    the file, the file's stands, or with `overrides` the discovered one.  Discovered scripts of one name are
    told apart by their folders.  Raises UsageError, naming both, for two jobs with one output folder.
    """
    listed = {job.script.resolve() for job in configured}
    new = [job for job in found if job.script.resolve() not in listed]
    new, notes = _apart(new, project), list(_twins(new, project))
    theirs = {job.job_id.lower() for job in configured}
    taken = {job.job_id.lower(): job for job in new if job.job_id.lower() in theirs}
    if overrides:
        kept = [_overridden(job, taken.get(job.job_id.lower())) for job in configured]
        notes += [_note(job.script, project, "takes the place of", job) for job in taken.values()]
    else:
        kept = list(configured)
        notes += [_note(job.script, project, "is passed over for", job) for job in taken.values()]
    jobs = [*kept, *(job for job in new if job.job_id.lower() not in theirs)]
    _refuse_pairs(jobs, lambda job: job.output, "the output folder", project)
    return Merged(tuple(jobs), tuple(notes))


def _apart(found: Sequence[TrainingJob], project: Path) -> list[TrainingJob]:
    """Return the discovered jobs under ids that tell them apart."""
    ids = ids_apart([Path(shown_path(job.script, project)) for job in found])
    return [
        job
        if job.job_id == job_id
        else replace(job, job_id=job_id, name=short(job_id), output=output_of(job_id))
        for job, job_id in zip(found, ids, strict=True)
    ]


def _twins(found: Sequence[TrainingJob], project: Path) -> Iterator[str]:
    """Yield a note for each id that several discovered scripts would have."""
    for wanted, count in Counter(job.job_id.lower() for job in found).items():
        if count > 1:
            alike = [shown_path(job.script, project) for job in found if job.job_id.lower() == wanted]
            yield f"{' and '.join(alike)} have one name: their ids begin with their folders"


def _overridden(job: TrainingJob, by: TrainingJob | None) -> TrainingJob:
    """Return the discovered script under the settings that the file gives to its id."""
    if by is None:
        return job
    return replace(job, script=by.script, module="", takes=by.takes, problem=by.problem, discovered=True)


def _note(script: Path, project: Path, verb: str, job: TrainingJob) -> str:
    return f"{shown_path(script, project)} {verb} the jobs file's {job.job_id}, which has its id"


def _refuse_pairs(
    jobs: Iterable[TrainingJob], key: Callable[[TrainingJob], str], what: str, project: Path
) -> None:
    first: dict[str, TrainingJob] = {}
    for job in jobs:
        other = first.setdefault(key(job).lower(), job)
        if other is not job:
            names = " and ".join(shown_path(each.script, project) for each in (other, job))
            advice = "rename one, leave one out with --exclude-regex, or give `id` and `output`"
            raise UsageError(f"{names} have {what} `{key(job)}` both: {advice} in a --config file")
