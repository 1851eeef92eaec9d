"""What the user of `run_all_training` asks for: found, checked, and made into the spec of a run."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from master.commands.options.run_all_training import AllTrainingOptions
from master.errors import UsageError
from master.intake.cluster import read_cluster
from master.intake.executors import executor_problem
from master.intake.head_paths import expanded, files_of_secrets, with_head_paths
from master.intake.secrets.environment import with_secrets
from master.intake.secrets.notify import with_notify
from master.notify.sending import check_can_be_sent
from master.orchestrator.arguments import Passed, not_passed
from master.orchestrator.discovery import compiled, find_scripts, patterns_of, read_script, shown_path
from master.orchestrator.jobs import RESIDENT_PROBLEM, Merged, TrainingJob, discovered_job, merge
from master.orchestrator.jobs_yaml import JobsFile, read_jobs_file
from master.orchestrator.project import modules_of, projects_of, root_of, with_place_checked
from master.orchestrator.resources import Machine, Workers, choose, look
from master.orchestrator.run_files import TrainingFiles, new_stamp
from master.orchestrator.summary_file import expected_seconds
from master.orchestrator.tables import plan_json
from master.orchestrator.trainings import Trainings, training_run
from master.runs.launching import Limits
from master.runs.spec import RunSpec
from master.runs.worker_check import with_needs
from master.specs import ClusterSpec, ServerSpec
from worker_agent.protocol.messages import Settings
from worker_agent.protocol.script_contract import DEFAULT_EXECUTOR

_HOST = "localhost"


@dataclass(frozen=True)
class TrainingRequest:
    """What the user wants, checked; nothing has been written or started."""

    options: AllTrainingOptions
    here: Path
    roots: tuple[Path, ...]
    jobs: tuple[TrainingJob, ...]
    notes: tuple[str, ...]
    passed: Passed
    files: TrainingFiles
    machine: Machine
    workers: Workers
    cluster: ClusterSpec

    @property
    def runnable(self) -> tuple[TrainingJob, ...]:
        """Return the jobs that can run."""
        return tuple(job for job in self.jobs if not job.problem)


def absolute(path: Path) -> Path:
    """Return a path of the user's as an absolute one.  Raises ConfigError for a `~` that nobody has."""
    return Path(os.path.normpath(expanded(path, str(path))))


def find_jobs(options: AllTrainingOptions, here: Path, roots: Sequence[Path]) -> tuple[Merged, int]:
    """Return all jobs, and how many scripts were found."""
    excluded = compiled(options.exclude_regex)
    listed = read_jobs_file(options.config, here) if options.config else JobsFile()
    paths: list[Path] = []
    if options.auto_discover:
        paths = find_scripts(roots, patterns_of(options.include_pattern), excluded, here)
        paths = paths[: options.discovery_limit]
    optional = options.mark_discovered_optional
    found = [discovered_job(read_script(path), optional=optional) for path in paths]
    merged = merge(listed.jobs, found, here, overrides=options.allow_discovery_overrides)
    jobs = tuple(with_place_checked(job, root_of(job.script, here, roots)) for job in merged.jobs)
    return replace(merged, jobs=jobs, notes=(*listed.notes, *merged.notes)), len(found)


def check_request(
    options: AllTrainingOptions,
    here: Path,
    roots: tuple[Path, ...],
    jobs: tuple[TrainingJob, ...],
    notes: Sequence[str],
) -> TrainingRequest:
    """Check the rest.  Raises UsageError and ConfigError; changes nothing."""
    if problem := executor_problem(options.executor, RESIDENT_PROBLEM):
        raise UsageError(f"--executor {problem}")
    runnable = sum(not job.problem for job in jobs)
    machine = look()
    parallel = bool(options.parallel)
    workers = choose(machine, max(1, runnable), parallel=parallel, max_workers=options.max_workers)
    cluster, source = _this_machine(workers), str(options.cluster_config)
    if options.cluster_config:
        cluster = with_secrets(with_head_paths(read_cluster(source), source), source, os.environ)
        workers = Workers(_most(options) or 0, f"the servers of {options.cluster_config}")
    cluster = with_notify(cluster, options.notify, source)
    check_can_be_sent(cluster, source)
    passed = Passed(options.epochs, options.folds, options.sample, options.batch, tuple(options.extra_arg))
    folders = (options.base_output_dir, options.logs_dir, options.summary_dir)
    root, logs, summaries = map(absolute, folders)
    outputs = {job.job_id: job.output for job in jobs}
    secrets = tuple(files_of_secrets(options.cluster_config, cluster))
    files = TrainingFiles(root, logs, summaries, new_stamp(summaries, time.time()), outputs, secrets)
    cluster = _with_needs(options, cluster, jobs, (here, roots), files)
    return TrainingRequest(options, here, roots, jobs, tuple(notes), passed, files, machine, workers, cluster)


def _with_needs(
    options: AllTrainingOptions,
    cluster: ClusterSpec,
    jobs: Sequence[TrainingJob],
    places: tuple[Path, Sequence[Path]],
    files: TrainingFiles,
) -> ClusterSpec:
    """Return the cluster with what agents are to look for."""
    projects = projects_of([job for job in jobs if not job.problem], *places).values()
    known = [modules_of(project, files.own_folders) for project in projects]
    each = [needs for scripts in known for needs in scripts.values()]
    return with_needs(cluster, each, may_lack=options.ignore_missing_modules or not all(known))


def _this_machine(workers: Workers) -> ClusterSpec:
    if not workers.gpus:
        agent = Settings(cpu_slots=workers.count)
    else:
        for_each = -(-workers.count // len(workers.gpus))
        agent = Settings(gpus=list(workers.gpus), slots_per_gpu=for_each)
    return ClusterSpec((ServerSpec(_HOST, _HOST, agent=agent),))


def _most(options: AllTrainingOptions) -> int | None:
    """Return how many jobs may run at a time on a cluster; None is as many as it has slots for."""
    return 1 if options.parallel is False else options.max_workers


def workers_json(request: TrainingRequest) -> dict[str, Any]:
    """Return how many jobs run at a time, where and why, ready for JSON."""
    return {
        "count": request.workers.count or None,
        "reason": request.workers.reason,
        "gpus": list(request.workers.gpus),
        "servers": [server.name for server in request.cluster.servers],
    }


def workers_text(request: TrainingRequest) -> str:
    """Say how many jobs run at a time, where and why."""
    if request.options.cluster_config:
        most = f"at most {request.workers.count} at a time on " if request.workers.count else ""
        return f"Workers: {most}{request.workers.reason}"
    gpus = f" on GPU {', '.join(request.workers.gpus)}" if request.workers.gpus else ""
    return f"Workers: {request.workers.count}{gpus} ({request.workers.reason})"


def scripts_that_take_less(request: TrainingRequest) -> list[str]:
    """Return which scripts do not take what is passed on."""
    left = {job.job_id: not_passed(job, request.passed) for job in request.runnable}
    names = dict.fromkeys(what for kinds in left.values() for what in kinds)
    return [
        f"--{what} is not passed to {', '.join(job for job, kinds in left.items() if what in kinds)}:"
        " not among the flags in the text"
        for what in names
    ]


def run_spec(request: TrainingRequest) -> RunSpec:
    """Return the run that the user wants."""
    options, files = request.options, request.files
    limits = Limits(options.timeout, options.stall_timeout, options.executor or DEFAULT_EXECUTOR)
    work = Trainings(
        *(request.runnable, files, request.passed, request.here, request.roots, limits),
        in_place=options.in_place,
    )
    return training_run(
        work,
        request.cluster,
        retries=options.retries,
        max_workers=request.workers.count or None,
        give_up_after=options.give_up_after,
        expected_s=None if request.workers.count == 1 else expected_seconds(files.summary_dir),
    )


def parallel_notes(request: TrainingRequest) -> Iterator[str]:
    """Yield what there is to say about several jobs at a time."""
    options = request.options
    if options.parallel and len(request.runnable) > 1:
        yield "Parallel mode enabled. Ensure sufficient resources."
    if options.max_workers is not None and not options.parallel and not options.cluster_config:
        yield "--max-workers has no effect without --parallel"


def greeting(request: TrainingRequest) -> Iterator[str]:
    """Yield what there is to say before the jobs begin."""
    options = request.options
    for job in request.jobs:
        if job.problem:
            yield f"{job.job_id}: {shown_path(job.script, request.here)} {job.problem}; the others run"
    yield from (*request.notes, *scripts_that_take_less(request))
    yield from parallel_notes(request)
    yield workers_text(request)
    if options.verbose:
        for job in plan_json(request.jobs, request.passed, request.files, request.here, {})["jobs"]:
            yield f"{job['id']}: {job['command']}"
