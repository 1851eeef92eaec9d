"""Checks the settings of the jobs before anything is planned with them."""

from __future__ import annotations

from collections.abc import Iterator

from master.core.nearest import shown
from master.core.planning.job_limits import allows, beyond, told
from master.core.planning.job_settings import (
    GPU_MEMORY,
    JOB_LIMITS,
    JOB_RESOURCES,
    JOB_SETTINGS,
    PREFIX,
    resources_of,
)
from master.core.planning.plan import Plan
from master.core.planning.resources import no_machine_has
from master.errors import ConfigError
from master.specs import ClusterSpec, Config, JobsSpec
from worker_agent.protocol.terms import JobLimits

_MOST_NAMED = 3


def check_settings(jobs: JobsSpec, cluster: ClusterSpec) -> None:
    """Raise ConfigError for a setting of a job that cannot be heeded, or not in this cluster."""
    check_job_settings(jobs)
    check_labels(jobs, cluster)
    check_limits(jobs, cluster)


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


def check_limits(jobs: JobsSpec, cluster: ClusterSpec) -> None:
    """Raise ConfigError for a job that may take more than any server allows: what that says is a bound."""
    bounds = [(server.limits, server.name) for server in cluster.servers]
    for place, config in _placed(jobs) if all(bound for bound, _ in bounds) else ():
        asked = resources_of(config).limits
        if any(allows(bound, asked) for bound, _ in bounds):
            continue
        refused = "; ".join(f"{name}: {_refused(bound, asked)}" for bound, name in bounds[:_MOST_NAMED])
        more = f" and {len(bounds) - _MOST_NAMED} more" if len(bounds) > _MOST_NAMED else ""
        advice = "ask for less, or raise `limits` of a server in the cluster config"
        whose = f"may take more than any server allows ({told(asked)}): {refused}{more}; {advice}"
        raise ConfigError(jobs.source, place, f"{shown(JOB_LIMITS.name)}: {whose}")


def _refused(bound: JobLimits, asked: JobLimits) -> str:
    return f"at most {told(bound)}, so not this {' and '.join(beyond(bound, asked))}"


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
