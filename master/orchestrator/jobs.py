"""Training jobs: what is discovered and what a file lists, under one set of ids."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from master.errors import UsageError
from master.intake.executors import threads_problem_of
from master.orchestrator.discovery import Script, shown_path

PREFIX = "train_"
THREADS_PROBLEM = threads_problem_of(None)
"""Why no job here can run in threads."""
_UNSAFE = re.compile(r"[^A-Za-z0-9._+=-]")
_UNSAFE_FIRST = re.compile(r"^[.-]+")
_LONGEST_ID = 100


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
    module: str = ""
    """As `python -m` takes it, where it is started so; `script` is its file."""
    discovered: bool = True
    problem: str = ""
    """Why it cannot be run; it is listed and counts as failed."""

    @property
    def short_id(self) -> str:
        """Return the id without `train_`, by which the job may be chosen too."""
        return self.job_id.removeprefix(PREFIX) or self.job_id


def id_of(stem: str) -> str:
    """Return the job id for a script's name without `.py`: the same, made safe as a folder's name."""
    return _UNSAFE_FIRST.sub("_", _UNSAFE.sub("_", stem))[:_LONGEST_ID]


def output_of(job_id: str) -> str:
    """Return the folder for the results of a job that does not name one."""
    return f"{job_id.removeprefix(PREFIX) or job_id}_results"


def discovered_job(script: Script, *, optional: bool = False) -> TrainingJob:
    """Return the job of a script that was found."""
    job_id = id_of(script.path.stem)
    return TrainingJob(
        job_id,
        name=job_id.removeprefix(PREFIX) or job_id,
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
    the file, the file's stands, or with `overrides` the discovered one.  Raises UsageError, naming both, for
    two discovered scripts with one id, and for two jobs with one output folder.
    """
    listed = {job.script.resolve() for job in configured}
    new = [job for job in found if job.script.resolve() not in listed]
    _refuse_pairs(new, lambda job: job.job_id, "the id", project)
    theirs = {job.job_id.lower() for job in configured}
    taken = {job.job_id.lower(): job for job in new if job.job_id.lower() in theirs}
    if overrides:
        kept = [_overridden(job, taken.get(job.job_id.lower())) for job in configured]
        notes = [_note(job.script, project, "takes the place of", job) for job in taken.values()]
    else:
        kept = list(configured)
        notes = [_note(job.script, project, "is passed over for", job) for job in taken.values()]
    jobs = [*kept, *(job for job in new if job.job_id.lower() not in theirs)]
    _refuse_pairs(jobs, lambda job: job.output, "the output folder", project)
    return Merged(tuple(jobs), tuple(notes))


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
