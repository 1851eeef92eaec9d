"""What runs a job on its worker: what the job says, else what the command line says."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from master.core.nearest import literal, shown
from master.core.planning.job_settings import JOB_EXECUTOR
from master.errors import ConfigError, UsageError
from master.specs import ClusterSpec, Config, JobsSpec
from worker_agent.protocol.script_contract import (
    DEFAULT_EXECUTOR,
    INLINE,
    RESIDENT,
    SCRIPT_MAIN,
    WARM,
    executor_of_name,
)


def executor_problem(value: Any, resident_problem: str) -> str:
    """Return what is wrong with an `executor` field, as a predicate; empty where nothing is."""
    if isinstance(value, str) and executor_of_name(value) == RESIDENT and resident_problem:
        return f"is {literal(value)}, but {resident_problem}"
    return JOB_EXECUTOR.problem(value)


def check_executors(jobs: JobsSpec, given: str, resident_problem: str) -> None:
    """Raise ConfigError or UsageError for an executor, of a job or `given` for all, that cannot be had.

    `resident_problem` is why the program cannot be resident, empty where it can.
    """
    problem = executor_problem(given, resident_problem)
    if problem:
        raise UsageError(f"--executor {problem}")
    for job in jobs.jobs:
        wanted = job.config.get(JOB_EXECUTOR.name)
        problem = executor_problem(wanted, resident_problem)
        if wanted == INLINE != given:
            problem = "is for all jobs of a run: give --executor inline"
        if problem:
            raise ConfigError(jobs.source, job.place, f"{shown(JOB_EXECUTOR.name)} {problem}")


def inline_problem(cluster: ClusterSpec, has_terminal: bool) -> str:
    """Return why a run cannot have its jobs in the foreground of this terminal; empty where it can."""
    if len(cluster.servers) != 1 or not cluster.servers[0].is_local:
        return "inline needs a cluster config with this machine (localhost) as its only worker"
    return "" if has_terminal else "inline needs a terminal: standard input is none"


def resident_problem_of(trainer: str | None, offers: Collection[str] = ()) -> str:
    """Return why jobs of a trainer, or of a script (None), cannot be resident; empty where they can.

    `offers` is what can run the jobs.
    """
    others = "use warm or process"
    if trainer is None:
        why = f"a script cannot share its process with others unless it offers `{SCRIPT_MAIN}(args)`"
        return "" if RESIDENT in offers else f"{why} (docs/executors.md): {others}"
    return "" if RESIDENT in offers else f"the trainer {trainer} cannot be resident: {others}"


def default_executor(offers: Collection[str], *, on_gpu: bool = False) -> str:
    """Return what runs jobs where nobody says: forks for a built-in trainer whose manifest `offers` them.

    On a GPU one process, where it offers that: each other makes a context of its own, which takes longer than
    many jobs do.  Only its author can tell that a program may be forked, or shared; a script's is not asked.
    """
    if on_gpu and RESIDENT in offers:
        return RESIDENT
    return WARM if WARM in offers else DEFAULT_EXECUTOR


def executor_of(config: Config, default: str, attempt: int) -> str:
    """Return what is to run an attempt at a job.

    Resident jobs end together where their process crashes; a further attempt runs apart from the others.
    """
    wanted = executor_of_name(JOB_EXECUTOR.of(config) or default)
    return DEFAULT_EXECUTOR if wanted == RESIDENT and attempt > 1 else wanted
