"""What runs a job on its worker: what the job says, else what the command line says."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from master.core.nearest import literal, shown
from master.core.planning.job_settings import JOB_EXECUTOR
from master.errors import ConfigError, UsageError
from master.specs import ClusterSpec, Config, JobsSpec
from worker_agent.protocol.script_contract import DEFAULT_EXECUTOR, INLINE, THREAD, WARM


def executor_problem(value: Any, threads_problem: str) -> str:
    """Return what is wrong with an `executor` field, as a predicate; empty where nothing is."""
    if value == THREAD and threads_problem:
        return f"is {literal(THREAD)}, but {threads_problem}"
    return JOB_EXECUTOR.problem(value)


def check_executors(jobs: JobsSpec, given: str, threads_problem: str) -> None:
    """Raise ConfigError or UsageError for an executor, of a job or `given` for all, that cannot be had.

    `threads_problem` is why the program cannot run in threads, empty where it can.
    """
    problem = executor_problem(given, threads_problem)
    if problem:
        raise UsageError(f"--executor {problem}")
    for job in jobs.jobs:
        wanted = job.config.get(JOB_EXECUTOR.name)
        problem = executor_problem(wanted, threads_problem)
        if wanted == INLINE != given:
            problem = "is for all jobs of a run: give --executor inline"
        if problem:
            raise ConfigError(jobs.source, job.place, f"{shown(JOB_EXECUTOR.name)} {problem}")


def inline_problem(cluster: ClusterSpec, has_terminal: bool) -> str:
    """Return why a run cannot have its jobs in the foreground of this terminal; empty where it can."""
    if len(cluster.servers) != 1 or not cluster.servers[0].is_local:
        return "inline needs a cluster config with this machine (localhost) as its only worker"
    return "" if has_terminal else "inline needs a terminal: standard input is none"


def threads_problem_of(trainer: str | None, offers: Collection[str] = ()) -> str:
    """Return why jobs of a trainer, or of a script (None), cannot run in threads; empty where they can.

    `offers` is what can run the trainer's jobs.
    """
    others = "use warm or process"
    if trainer is None:
        return f"a script cannot share its process with others, only a built-in trainer can: {others}"
    return "" if THREAD in offers else f"the trainer {trainer} cannot run in threads: {others}"


def default_executor(offers: Collection[str]) -> str:
    """Return what runs jobs where nobody says: forks for a built-in trainer whose manifest `offers` them.

    Only its author can tell that a program may be forked; a script's is not asked.
    """
    return WARM if WARM in offers else DEFAULT_EXECUTOR


def executor_of(config: Config, default: str, attempt: int) -> str:
    """Return what is to run an attempt at a job.

    Threads end together where their process crashes; a further attempt runs apart from the others.
    """
    wanted = JOB_EXECUTOR.of(config) or default
    return DEFAULT_EXECUTOR if wanted == THREAD and attempt > 1 else wanted
