"""Checks the settings of the jobs before anything is planned with them."""

from __future__ import annotations

from collections.abc import Iterator

from master.core.nearest import shown
from master.core.planning.job_settings import GPU_MEMORY, JOB_RESOURCES, JOB_SETTINGS, PREFIX
from master.core.planning.plan import Plan
from master.core.planning.resources import no_machine_has
from master.errors import ConfigError
from master.specs import ClusterSpec, Config, JobsSpec


def check_job_settings(jobs: JobsSpec) -> None:
    """Raise ConfigError for a field about a job that cannot be heeded."""
    for place, config in _placed(jobs):
        for setting in JOB_SETTINGS:
            if setting is PREFIX:
                continue  # what it may be hangs on the script, and was checked as the jobs were read
            if problem := setting.problem(config.get(setting.name)):
                raise ConfigError(jobs.source, place, f"{shown(setting.name)} {problem}")
        given = JOB_RESOURCES.of(config)
        if given and given.gpu_memory and config.get(GPU_MEMORY.name) is not None:
            problem = "has `gpu_memory`, which stands beside it as well: give it in one place"
            raise ConfigError(jobs.source, place, f"{shown(JOB_RESOURCES.name)} {problem}")


def check_labels(jobs: JobsSpec, cluster: ClusterSpec) -> None:
    """Raise ConfigError for a job with labels that no machine has."""
    machines = [server.labels for server in cluster.servers]
    fine = {frozenset[str]()}
    for place, config in _placed(jobs):
        given = JOB_RESOURCES.of(config)
        if given is None or given.labels in fine:
            continue
        if problem := no_machine_has(given.labels, machines):
            advice = "give one of the servers in the cluster config that label"
            raise ConfigError(jobs.source, place, f"{shown(JOB_RESOURCES.name)}: {problem}; or {advice}")
        fine.add(given.labels)


def check_phase1_labels(plan: Plan, source: str, cluster: ClusterSpec) -> None:
    """Raise ConfigError where no server that may train base models has the labels that their jobs need."""
    machines = [server.labels for server in cluster.servers]
    for job in plan.jobs if cluster.phase1_labels else ():
        problem = no_machine_has(job.resources.labels, machines) if job.makes else ""
        if problem:
            why = f"base models are trained on servers with `phase1_labels` alone, and {problem}"
            advice = "give one of the servers with the labels of these jobs those of `phase1_labels` too"
            raise ConfigError(source, f"base model {(job.makes or '')[:12]}", f"{why}; {advice}")


def _placed(jobs: JobsSpec) -> Iterator[tuple[str, Config]]:
    """Yield the fields of all jobs that the file lists, and where they stand."""
    yield from ((job.place, job.config) for job in jobs.jobs)
    yield from (("first stage", config) for config in jobs.base_jobs.values())
