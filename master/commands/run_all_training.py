"""`run_all_training`: find training scripts, run them all, say what came of each."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from master.commands.frame import Command
from master.commands.run_all_training_options import AllTrainingOptions, parse
from master.commands.working_directory import check_working_directory
from master.errors import NoUsableWorker, UsageError
from master.intake.cluster import read_cluster
from master.intake.executors import executor_problem
from master.intake.head_paths import expanded, with_head_paths
from master.orchestrator import self_test
from master.orchestrator.arguments import Passed, not_passed
from master.orchestrator.discovery import compiled, find_scripts, patterns_of, read_script, shown_path
from master.orchestrator.jobs import THREADS_PROBLEM, Merged, TrainingJob, discovered_job, merge
from master.orchestrator.jobs_yaml import read_jobs_file
from master.orchestrator.project import root_of, with_place_checked
from master.orchestrator.publishing import Publisher, publish_leftovers
from master.orchestrator.resources import Machine, Workers, choose, look
from master.orchestrator.run_files import TrainingFiles, new_stamp
from master.orchestrator.selection import select
from master.orchestrator.summary_file import (
    build_summary,
    expected_seconds,
    final_exit_code,
    job_report,
    write_summary,
)
from master.orchestrator.tables import list_json, plan_json, print_list, print_plan, print_reports
from master.orchestrator.trainings import COMMAND, Trainings, training_run
from master.runs.launching import Limits
from master.runs.run import Run, RunResult
from master.runs.spec import RunSpec
from master.runs.stop_signals import on_signals
from master.specs import ClusterSpec, ServerSpec
from master.view.view import open_views
from worker_agent.protocol.messages import Settings

_COMMAND = Command(COMMAND, config_error=UsageError.exit_code)
NOTHING_FOUND = 3
SLOT_DIR = "TWOPHASE_SLOT_DIR"
"""The agent's setting for where the locks of its slots are."""
_HOST = "localhost"
_PHASES = {2: "trainings"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; errors of the user are one message, never a traceback."""
    words = sys.argv[1:] if argv is None else list(argv)
    if words[:1] == [self_test.COMMAND]:
        return _COMMAND.run(lambda: self_test.main(words[1:]))
    return _COMMAND.run(lambda: _run(parse(words)))


@dataclass(frozen=True)
class _Intent:
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
        return tuple(job for job in self.jobs if not job.problem)


def _run(options: AllTrainingOptions) -> int:
    check_working_directory()
    here = Path.cwd()
    roots = tuple(_absolute(root) for root in options.discover_root) or (here,)
    merged, found = _jobs(options, here, roots)
    jobs, unknown = select(merged.jobs, options.only, options.exclude)
    notes = (*merged.notes, *unknown)
    if options.show_list:
        return _list(options, jobs, notes, here)
    if not jobs or (options.strict_discovery and options.auto_discover and not found):
        return _nothing(options, roots)
    intent = _intent(options, here, roots, jobs, notes)
    if options.dry_run:
        return _dry_run(intent)
    return _train(intent)


def _absolute(path: Path) -> Path:
    return Path(os.path.normpath(expanded(path, str(path))))


def _jobs(options: AllTrainingOptions, here: Path, roots: Sequence[Path]) -> tuple[Merged, int]:
    """Return all jobs, and how many scripts were found."""
    excluded = compiled(options.exclude_regex)
    configured = read_jobs_file(options.config, here) if options.config else []
    paths: list[Path] = []
    if options.auto_discover:
        paths = find_scripts(roots, patterns_of(options.include_pattern), excluded, here)
        paths = paths[: options.discovery_limit]
    optional = options.mark_discovered_optional
    found = [discovered_job(read_script(path), optional=optional) for path in paths]
    merged = merge(configured, found, here, overrides=options.allow_discovery_overrides)
    jobs = tuple(with_place_checked(job, root_of(job.script, here, roots)) for job in merged.jobs)
    return replace(merged, jobs=jobs), len(found)


def _list(options: AllTrainingOptions, jobs: Sequence[TrainingJob], notes: Sequence[str], here: Path) -> int:
    if options.json:
        print(json.dumps({"jobs": list_json(jobs, here), "notes": list(notes)}, indent=2))
    else:
        print_list(jobs, here)
        for note in notes:
            _COMMAND.say(note)
    return NOTHING_FOUND if options.strict_discovery and not jobs else 0


def _nothing(options: AllTrainingOptions, roots: Sequence[Path]) -> int:
    places = ", ".join(map(str, roots))
    patterns = ", ".join(patterns_of(options.include_pattern))
    found = f"no {patterns} below {places} that the other flags leave"
    _COMMAND.say(f"nothing to run: {found}, and no job of --config")
    return NOTHING_FOUND if options.strict_discovery else 0


def _intent(
    options: AllTrainingOptions,
    here: Path,
    roots: tuple[Path, ...],
    jobs: tuple[TrainingJob, ...],
    notes: Sequence[str],
) -> _Intent:
    """Check the rest.  Raises UsageError and ConfigError; changes nothing."""
    if problem := executor_problem(options.executor, THREADS_PROBLEM):
        raise UsageError(f"--executor {problem}")
    runnable = sum(not job.problem for job in jobs)
    machine = look()
    parallel = bool(options.parallel)
    workers = choose(machine, max(1, runnable), parallel=parallel, max_workers=options.max_workers)
    cluster = _this_machine(workers)
    if options.cluster_config:
        cluster = _given_cluster(options)
        workers = Workers(_most(options) or 0, f"the servers of {options.cluster_config}")
    passed = Passed(options.epochs, options.folds, options.sample, options.batch, tuple(options.extra_arg))
    folders = (options.base_output_dir, options.logs_dir, options.summary_dir)
    root, logs, summaries = map(_absolute, folders)
    outputs = {job.job_id: job.output for job in jobs}
    files = TrainingFiles(root, logs, summaries, new_stamp(summaries, time.time()), outputs)
    return _Intent(options, here, roots, jobs, tuple(notes), passed, files, machine, workers, cluster)


def _this_machine(workers: Workers) -> ClusterSpec:
    if not workers.gpus:
        agent = Settings(cpu_slots=workers.count)
    else:
        for_each = -(-workers.count // len(workers.gpus))
        agent = Settings(gpus=list(workers.gpus), slots_per_gpu=for_each)
    return ClusterSpec((ServerSpec(_HOST, _HOST, agent=agent),))


def _given_cluster(options: AllTrainingOptions) -> ClusterSpec:
    return with_head_paths(read_cluster(str(options.cluster_config)), str(options.cluster_config))


def _most(options: AllTrainingOptions) -> int | None:
    """Return how many jobs may run at a time on a cluster; None is as many as it has slots for."""
    return 1 if options.parallel is False else options.max_workers


def _workers_json(intent: _Intent) -> dict[str, Any]:
    return {
        "count": intent.workers.count or None,
        "reason": intent.workers.reason,
        "gpus": list(intent.workers.gpus),
        "servers": [server.name for server in intent.cluster.servers],
    }


def _workers_text(intent: _Intent) -> str:
    if intent.options.cluster_config:
        most = f"at most {intent.workers.count} at a time on " if intent.workers.count else ""
        return f"Workers: {most}{intent.workers.reason}"
    gpus = f" on GPU {', '.join(intent.workers.gpus)}" if intent.workers.gpus else ""
    return f"Workers: {intent.workers.count}{gpus} ({intent.workers.reason})"


def _dry_run(intent: _Intent) -> int:
    if intent.options.json:
        plan = plan_json(intent.jobs, intent.passed, intent.files, intent.here, _workers_json(intent))
        print(json.dumps(plan, indent=2))
        return 0
    print_plan(intent.jobs, intent.passed, intent.files, intent.here)
    print(_workers_text(intent))
    for note in (*intent.notes, *_not_passed(intent)):
        _COMMAND.say(note)
    return 0


def _not_passed(intent: _Intent) -> list[str]:
    """Return which scripts do not take what is passed on."""
    left = {job.job_id: not_passed(job, intent.passed) for job in intent.runnable}
    names = dict.fromkeys(what for kinds in left.values() for what in kinds)
    return [
        f"--{what} is not passed to {', '.join(job for job, kinds in left.items() if what in kinds)}:"
        " not among the flags in the text"
        for what in names
    ]


def _train(intent: _Intent) -> int:
    started_at = time.time()
    result = None
    for folder in (intent.files.logs_dir, intent.files.summary_dir):
        folder.mkdir(parents=True, exist_ok=True)
    if intent.runnable:
        _own_slots(intent)
        result = _run_all(intent)
    return _finish(intent, result, started_at)


def _run_all(intent: _Intent) -> RunResult:
    """Run all jobs to their end.  Raises TwophaseError where nothing can be started."""
    files = intent.files
    with ExitStack() as stack:
        views = open_views(log_file=files.orchestrator_log, names=_PHASES)
        for view in views:
            stack.callback(view.close)
        run = stack.enter_context(Run.open(_spec(intent)))
        for text in _greeting(intent):
            run.note(text)
        for path in publish_leftovers(files):
            run.note(f"{path}: results of a run that was killed after it had brought them home")
        publisher = stack.enter_context(closing(Publisher(files, run.note, run.live_log)))
        with on_signals(run.stop):
            return run.run([*views, publisher])


def _own_slots(intent: _Intent) -> None:
    """Let CPU jobs on this machine run beside other runs, as --max-workers asks; GPUs are shared in turn."""
    if not intent.options.cluster_config and not intent.workers.gpus:
        os.environ.setdefault(SLOT_DIR, str(intent.files.slots))


def _spec(intent: _Intent) -> RunSpec:
    options, files = intent.options, intent.files
    limits = Limits(options.timeout, options.stall_timeout, options.executor)
    work = Trainings(
        *(intent.runnable, files, intent.passed, intent.here, intent.roots, limits), in_place=options.in_place
    )
    return training_run(
        work,
        intent.cluster,
        retries=options.retries,
        max_workers=intent.workers.count or None,
        expected_s=None if intent.workers.count == 1 else expected_seconds(files.summary_dir),
    )


def _greeting(intent: _Intent) -> Iterator[str]:
    """Yield what there is to say before the jobs begin."""
    options = intent.options
    for job in intent.jobs:
        if job.problem:
            yield f"{job.job_id}: {shown_path(job.script, intent.here)} {job.problem}; the others run"
    yield from (*intent.notes, *_not_passed(intent))
    if options.max_workers is not None and not options.parallel and not options.cluster_config:
        yield "--max-workers has no effect without --parallel"
    yield _workers_text(intent)
    if options.verbose:
        for job in plan_json(intent.jobs, intent.passed, intent.files, intent.here, {})["jobs"]:
            yield f"{job['id']}: {job['command']}"


def _finish(intent: _Intent, result: RunResult | None, started_at: float) -> int:
    """Write the summary, say what came of the run and return the exit code."""
    options, files, ended_at = intent.options, intent.files, time.time()
    state, dispatched = (result.state, result.exit_code) if result else (None, 1)
    reports = [job_report(job, state, intent.passed, files, intent.here) for job in intent.jobs]
    code = final_exit_code(dispatched, reports, allow_partial=options.allow_partial_success)
    summary = build_summary(
        reports,
        started_at=started_at,
        ended_at=ended_at,
        exit_code=code,
        arguments=_arguments(options),
        workers=_workers_json(intent),
        gpus=intent.machine.gpus,
        here=intent.here,
    )
    try:
        write_summary(files.summary, summary)
    except OSError as error:
        _COMMAND.say(f"{files.summary} cannot be written: {error.strerror}; --json prints what it would hold")
    if options.json:
        print(json.dumps(summary, indent=2))
    else:
        print_reports(reports, ended_at - started_at)
        print(f"Summary: {files.summary}\nLogs:    {files.logs_dir}")
    if result and code == NoUsableWorker.exit_code:
        _COMMAND.say(f"no usable worker: {'; '.join(result.reasons)}")
    return code


def _arguments(options: AllTrainingOptions) -> dict[str, Any]:
    return json.loads(json.dumps(asdict(options), default=str))  # type: ignore[no-any-return]


if __name__ == "__main__":
    sys.exit(main())
