"""What `run_all_training` does once its words are understood."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from master.commands.options.run_all_training import AllTrainingOptions
from master.commands.run_all_training import COMMAND
from master.commands.training_request import (
    TrainingRequest,
    absolute,
    check_request,
    find_jobs,
    greeting,
    parallel_notes,
    run_spec,
    scripts_that_take_less,
    workers_json,
    workers_text,
)
from master.commands.working_directory import check_working_directory
from master.core.timestamps import Span
from master.errors import NoUsableWorker
from master.notify.post import telling
from master.orchestrator.discovery import patterns_of
from master.orchestrator.jobs import TrainingJob
from master.orchestrator.publishing import Publisher, publish_leftovers
from master.orchestrator.selection import select
from master.orchestrator.summary_file import (
    Setting,
    build_summary,
    final_exit_code,
    job_report,
    write_summary,
)
from master.orchestrator.tables import list_json, plan_json, print_list, print_plan, print_reports
from master.runs.run import Run, RunResult
from master.runs.stop_signals import on_signals
from master.runs.worker_check import probe_workers
from master.view.job_starts import start_notes
from master.view.plan_table import print_workers
from master.view.tables import stdout_console
from master.view.view import open_views

NOTHING_FOUND = 3
SLOT_DIR = "TWOPHASE_SLOT_DIR"
"""The agent's setting for where the locks of its slots are."""
_PHASES = {2: "trainings"}


def work(options: AllTrainingOptions) -> int:
    """Do what the user asked for and return the exit code."""
    check_working_directory()
    here = Path.cwd()
    roots = tuple(absolute(root) for root in options.discover_root) or (here,)
    merged, found = find_jobs(options, here, roots)
    jobs, unknown = select(merged.jobs, options.only, options.exclude)
    notes = (*merged.notes, *unknown)
    if options.show_list:
        return _list(options, jobs, notes, here)
    if not jobs or (options.strict_discovery and options.auto_discover and not found):
        return _nothing(options, roots)
    request = check_request(options, here, roots, jobs, notes)
    if options.dry_run:
        return _dry_run(request)
    return _train(request)


def _list(options: AllTrainingOptions, jobs: Sequence[TrainingJob], notes: Sequence[str], here: Path) -> int:
    if options.json:
        print(json.dumps({"jobs": list_json(jobs, here), "notes": list(notes)}, indent=2))
    else:
        print_list(jobs, here)
        for note in notes:
            COMMAND.say(note)
    return NOTHING_FOUND if options.strict_discovery and not jobs else 0


def _nothing(options: AllTrainingOptions, roots: Sequence[Path]) -> int:
    places = ", ".join(map(str, roots))
    patterns = ", ".join(patterns_of(options.include_pattern))
    found = f"no {patterns} below {places} that the other flags leave"
    COMMAND.say(f"nothing to run: {found}, and no job of --config")
    return NOTHING_FOUND


def _dry_run(request: TrainingRequest) -> int:
    workers = probe_workers(request.cluster)
    code = 0 if any(worker.reachable for worker in workers) else NoUsableWorker.exit_code
    if request.options.json:
        plan = plan_json(request.jobs, request.passed, request.files, request.here, workers_json(request))
        print(json.dumps({**plan, "servers": [asdict(worker) for worker in workers]}, indent=2))
        return code
    print_plan(request.jobs, request.passed, request.files, request.here)
    print(workers_text(request))
    print_workers(stdout_console(), workers)
    for note in (*parallel_notes(request), *request.notes, *scripts_that_take_less(request)):
        COMMAND.say(note)
    return code


def _train(request: TrainingRequest) -> int:
    started_at = time.time()
    result = None
    for folder in (request.files.logs_dir, request.files.summary_dir):
        folder.mkdir(parents=True, exist_ok=True)
    if request.runnable:
        _own_slots(request)
        result = _run_all(request)
    return _finish(request, result, started_at)


def _run_all(request: TrainingRequest) -> RunResult:
    """Run all jobs to their end.  Raises TwophaseError where nothing can be started."""
    files = request.files
    with ExitStack() as stack:
        views = open_views(log_file=files.orchestrator_log, names=_PHASES)
        for view in views:
            stack.callback(view.close)
        run = stack.enter_context(Run.open(run_spec(request)))
        told = telling(request.cluster.notify, files.root, run.note, COMMAND.say)
        tellers = stack.enter_context(told)
        for text in greeting(request):
            run.note(text)
        for path in publish_leftovers(files):
            run.note(f"{path}: results of a run that was killed after it had brought them home")
        publisher = stack.enter_context(
            closing(Publisher(files, run.note, run.live_log, request.options.retries + 1))
        )
        with on_signals(run.stop):
            return run.run([*views, publisher, *tellers])


def _own_slots(request: TrainingRequest) -> None:
    """Let CPU jobs on this machine run beside other runs, as --max-workers asks; GPUs are shared in turn."""
    if not request.options.cluster_config and not request.workers.gpus:
        os.environ.setdefault(SLOT_DIR, str(request.files.slots))


def _finish(request: TrainingRequest, result: RunResult | None, started_at: float) -> int:
    """Write the summary, say what came of the run and return the exit code."""
    options, files, span = request.options, request.files, Span(started_at, time.time())
    state, dispatched = (result.state, result.exit_code) if result else (None, 1)
    reports = [job_report(job, state, request.passed, files, request.here) for job in request.jobs]
    code = final_exit_code(dispatched, reports, allow_partial=options.allow_partial_success)
    setting = Setting(request.here, _arguments(options), workers_json(request), request.machine.gpus)
    summary = build_summary(reports, setting, span, code)
    try:
        write_summary(files.summary, summary)
    except OSError as error:
        COMMAND.say(f"{files.summary} cannot be written: {error.strerror}; --json prints what it would hold")
    if options.json:
        print(json.dumps(summary, indent=2))
    else:
        print_reports(reports, span.seconds)
        print(f"Summary: {files.summary}\nLogs:    {files.logs_dir}")
    for note in start_notes(result.state, ()) if result else ():
        COMMAND.say(note)
    for text in result.left if result else ():
        COMMAND.say(text)
    if result and code == NoUsableWorker.exit_code:
        COMMAND.say(f"no usable worker: {'; '.join(result.reasons)}")
    return code


def _arguments(options: AllTrainingOptions) -> dict[str, Any]:
    return json.loads(json.dumps(asdict(options), default=str))  # type: ignore[no-any-return]
