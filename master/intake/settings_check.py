"""Checks the settings of the jobs before anything is planned with them."""

from __future__ import annotations

from master.core.nearest import shown
from master.core.planning.job_settings import JOB_SETTINGS
from master.errors import ConfigError
from master.specs import JobsSpec


def check_job_settings(jobs: JobsSpec) -> None:
    """Raise ConfigError for a field about a job that cannot be heeded."""
    for job in jobs.jobs:
        for setting in JOB_SETTINGS:
            if problem := setting.problem(job.config.get(setting.name)):
                raise ConfigError(jobs.source, job.place, f"{shown(setting.name)} {problem}")
