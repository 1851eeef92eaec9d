"""`run_two_phase`: train every base model once, then run every experiment from it."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from master.code.identity import DEFAULT_TRAINER, code_identity, has_thread_main, trainer_fields
from master.code.script_syntax import check_syntax
from master.code.snapshot import Sources, find_script, find_trainer
from master.commands.frame import Command
from master.commands.run_two_phase_options import TwoPhaseOptions, parse
from master.commands.working_directory import check_working_directory
from master.core.planning.job_settings import NOT_FOR_THE_SCRIPT
from master.core.planning.plan import Plan, make_plan
from master.core.planning.workers import planned_workers
from master.core.running.records import Policy
from master.errors import ConfigError, NoUsableWorker, UsageError
from master.intake.cluster import read_cluster
from master.intake.executors import INLINE, check_executors, inline_problem, threads_problem_of
from master.intake.head_paths import expanded, with_head_paths
from master.intake.job_settings import check_job_settings
from master.intake.jobs import read_jobs
from master.runs.launching import Limits
from master.runs.phase_logs import write_phase_logs
from master.runs.run import Run, RunResult
from master.runs.script_jobs import ScriptJobs
from master.runs.spec import RunSpec
from master.runs.stop_signals import on_signals
from master.runs.worker_check import check_gpu_memory, probe_workers
from master.specs import ClusterSpec, JobsSpec
from master.storage.base_model_store import BaseModelStore
from master.storage.journal import is_empty, read_known_ids
from master.storage.run_layout import RunLayout
from master.view.plan_table import plan_json, print_plan
from master.view.result_table import collected_metrics, print_result, result_json
from master.view.view import open_views

_COMMAND = Command("run_two_phase")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; errors of the user are one message, never a traceback."""
    return _COMMAND.run(lambda: _run(parse(argv)))


@dataclass(frozen=True)
class _Intent:
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


def _run(options: TwoPhaseOptions) -> int:
    check_working_directory()
    layout = RunLayout(options.run_dir)
    intent = _check(options, layout)
    return _dry_run(options, intent) if options.dry_run else _work(options, layout, intent)


def _check(options: TwoPhaseOptions, layout: RunLayout) -> _Intent:
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
    return _Intent(cluster, jobs, sources, plan, whole, damaged, doubt)


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


def _dry_run(options: TwoPhaseOptions, intent: _Intent) -> int:
    workers = probe_workers(intent.cluster)
    check_gpu_memory(intent.jobs, workers)
    with _COMMAND.printing():
        if options.json:
            print(json.dumps(plan_json(intent.jobs, intent.plan, workers), indent=2))
        else:
            print_plan(intent.jobs, intent.plan, workers)
    for problem in intent.damaged.values():
        _COMMAND.say(f"{problem}; it is going to be set aside and trained again")
    if intent.doubt:
        _COMMAND.say(intent.doubt)
    return 0 if any(worker.reachable for worker in workers) else NoUsableWorker.exit_code


def _work(options: TwoPhaseOptions, layout: RunLayout, intent: _Intent) -> int:
    """Run until the end, then say what came of it."""
    with ExitStack() as stack:
        terminal = False if options.executor == INLINE else None
        views = open_views(quiet=options.quiet, terminal=terminal, log_file=options.log_file)
        for view in views:
            stack.callback(view.close)
        run = stack.enter_context(Run.open(_spec(options, layout, intent)))
        _greet(options, intent, run)
        with on_signals(run.stop):
            result = run.run(views)
            for text in write_phase_logs(layout, intent.jobs, result):
                _COMMAND.say(text)
            if result.exit_code == NoUsableWorker.exit_code:
                reasons = (text.replace("\n", "\n    ") for text in result.reasons)
                _COMMAND.say("\n  ".join(["no usable worker:", *reasons]))
            _report(options, layout, result)
        return result.exit_code


def _spec(options: TwoPhaseOptions, layout: RunLayout, intent: _Intent) -> RunSpec:
    inline = options.executor == INLINE
    retries, most = (0, 1) if inline else (options.retries, 1 if options.no_parallel else None)
    limits = Limits(options.timeout, options.stall_timeout, options.executor)
    return RunSpec(
        layout,
        intent.cluster,
        intent.plan,
        ScriptJobs(intent.jobs, intent.sources, limits),
        Policy(retries, options.strict_phases, options.lease, max_running=most),
        jobs=intent.jobs,
        in_store=intent.whole,
        damaged=intent.damaged,
        in_terminal=inline,
    )


def _greet(options: TwoPhaseOptions, intent: _Intent, run: Run) -> None:
    """Say what there is to say before the jobs begin."""
    problems = [*run.problems, *([intent.doubt] if intent.doubt else [])]
    if options.quiet:  # which leaves notes out, but these are problems
        for text in problems:
            _COMMAND.say(text)
    if intent.doubt:
        run.note(intent.doubt)
    if options.tmux_session:
        run.note("--tmux-session is no longer needed: jobs go on without the terminal, and so does the run")
    if not options.json and not options.quiet:
        with _COMMAND.printing():
            print_plan(intent.jobs, intent.plan, planned_workers(intent.cluster))


def _report(options: TwoPhaseOptions, layout: RunLayout, result: RunResult) -> None:
    state, exit_code = result.state, result.exit_code
    with _COMMAND.printing():
        if options.json:
            metrics = collected_metrics(state, layout)
            print(json.dumps(result_json(state, exit_code, metrics, layout.result), indent=2))
        elif not (options.quiet and exit_code == 0):
            print_result(state, layout, elapsed_s=result.ended_at - result.started_at)


if __name__ == "__main__":
    sys.exit(main())
