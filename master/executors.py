"""What runs a job on its worker: what the job says, else what the command line says."""

from __future__ import annotations

from typing import Any

from master.core.nearest import hint, literal
from master.errors import ConfigError, UsageError
from master.specs import Config, JobsSpec
from worker_agent.protocol.messages import EXECUTORS

EXECUTOR = "executor"
DEFAULT_EXECUTOR = "process"


def executor_problem(value: Any) -> str:
    """Return what is wrong with an `executor` field, as a predicate; empty where nothing is."""
    if value is None or value in EXECUTORS:
        return ""
    return f"is {literal(value)}: {hint(str(value), EXECUTORS)}"


def check_executors(jobs: JobsSpec, given: str) -> None:
    """Raise ConfigError or UsageError for an executor, of a job or `given` for all, that cannot be had."""
    problem = executor_problem(given)
    if problem:
        raise UsageError(f"--executor {problem}")
    for job in jobs.jobs:
        problem = executor_problem(job.config.get(EXECUTOR))
        if problem:
            raise ConfigError(jobs.source, job.place, f"`{EXECUTOR}` {problem}")


def executor_of(config: Config, default: str) -> str:
    """Return what is to run a job."""
    return str(config.get(EXECUTOR) or default)
