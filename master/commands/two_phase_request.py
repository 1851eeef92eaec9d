"""What the user of `run_two_phase` asks for: read, checked, and made into the spec of a run."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from master.code.identity import DEFAULT_TRAINER, code_identity, has_thread_main, trainer_fields
from master.code.script_syntax import check_syntax
from master.code.snapshot import Sources, find_script, find_trainer
from master.commands.run_two_phase_options import TwoPhaseOptions
from master.core.planning.job_settings import NOT_FOR_THE_SCRIPT
from master.core.planning.plan import Plan, make_plan
from master.core.running.records import Policy
from master.errors import ConfigError, UsageError
from master.intake.cluster import read_cluster
from master.intake.executors import INLINE, check_executors, inline_problem, threads_problem_of
from master.intake.head_paths import expanded, with_head_paths
from master.intake.job_settings import check_job_settings
from master.intake.jobs import read_jobs
from master.runs.launching import Limits
from master.runs.script_jobs import ScriptJobs
from master.runs.spec import RunSpec
from master.specs import ClusterSpec, JobsSpec
from master.storage.base_model_store import BaseModelStore
from master.storage.journal import is_empty, read_known_ids
from master.storage.run_layout import RunLayout


@dataclass(frozen=True)
class TwoPhaseRequest:
    """What the user wants, checked; nothing has been written or started."""

    cluster: ClusterSpec
    jobs: JobsSpec
    sources: Sources
    plan: Plan
    whole: Mapping[str, Mapping[str, Any]]
    """Manifests of the base models in the store, by `spec_hash`."""
    damaged: Mapping[str, str]
    """What is wrong with the others."""
    doubt: str = ""
    """Why the script may not run."""


def check_request(options: TwoPhaseOptions, layout: RunLayout) -> TwoPhaseRequest:
    """Read and check all that the user gave.  Raises UsageError and ConfigError; changes nothing."""
    source = str(options.cluster_config)
    cluster = with_head_paths(read_cluster(options.cluster_config), source)
    script = _script(options, cluster)
    known_ids = read_known_ids(layout.journal)
    jobs = read_jobs(
        options.jobs_config,
        code=code_identity(script, options.trainer),
        known_ids=known_ids,
        known_fields=None if script else trainer_fields(options.trainer) | NOT_FOR_THE_SCRIPT,
    )
    check_job_settings(jobs)
    trainer = None if script else options.trainer or DEFAULT_TRAINER
    if options.executor == INLINE and (problem := inline_problem(cluster, sys.stdin.isatty())):
        raise UsageError(f"--executor {problem}")
    check_executors(jobs, options.executor, threads_problem_of(trainer, has_thread_main))
    sources = find_script(script, layout.root) if script else find_trainer(options.trainer or DEFAULT_TRAINER)
    doubt = check_syntax(script, cluster.servers) if script else ""
    whole, damaged = BaseModelStore(layout).scan(jobs.base_models)
    plan = make_plan(jobs, {spec_hash: manifest["content_hash"] for spec_hash, manifest in whole.items()})
    _check_skip_phase1(options, plan)
    _check_results(layout, jobs, known_ids)
    return TwoPhaseRequest(cluster, jobs, sources, plan, whole, damaged, doubt)


def _script(options: TwoPhaseOptions, cluster: ClusterSpec) -> Path | None:
    if options.script_path is not None:
        return expanded(options.script_path, "--script-path")
    if options.trainer is not None or cluster.script_path is None:
        return None
    return Path(cluster.script_path)


def _check_skip_phase1(options: TwoPhaseOptions, plan: Plan) -> None:
    if options.skip_phase1 and plan.to_train:
        shown = [spec_hash[:12] for spec_hash in plan.to_train[:5]]
        missing = ", ".join([*shown, "…"] if len(plan.to_train) > len(shown) else shown)
        total = len(plan.to_train) + len(plan.in_store)
        raise UsageError(
            f"--skip-phase1: {len(plan.to_train)} of {total} base models are not in the store ({missing});"
            " leave the flag out to train them"
        )


def _check_results(layout: RunLayout, jobs: JobsSpec, known_ids: dict[str, str]) -> None:
    """Refuse to start where a job's result would meet files that are not from this run."""
    ours = set(known_ids.values())
    for job in jobs.jobs:
        if job.job_id not in ours and layout.result(job.job_id).exists():
            raise ConfigError(jobs.source, job.place, _not_ours(layout, job.job_id))


def _not_ours(layout: RunLayout, job_id: str) -> str:
    result, advice = layout.result(job_id), "change the prefix or id, or use another --run-dir"
    if not is_empty(layout.journal):
        return f"{result} exists and is not from this run; nothing is ever written over: {advice}"
    emptied = f"{layout.journal}, which should tell whose it is, is empty (0 bytes)"
    return f"{result} exists, and {emptied}: put back a copy of the journal, or {advice}"


def run_spec(options: TwoPhaseOptions, layout: RunLayout, request: TwoPhaseRequest) -> RunSpec:
    """Return the run that the user wants."""
    inline = options.executor == INLINE
    retries, most = (0, 1) if inline else (options.retries, 1 if options.no_parallel else None)
    limits = Limits(options.timeout, options.stall_timeout, options.executor)
    return RunSpec(
        layout,
        request.cluster,
        request.plan,
        ScriptJobs(request.jobs, request.sources, limits),
        Policy(retries, options.strict_phases, options.lease, max_running=most),
        jobs=request.jobs,
        in_store=request.whole,
        damaged=request.damaged,
        in_terminal=inline,
    )
