"""`run_two_phase`: train every base model once, then run every experiment from it."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from master.adapters.agent_client import close_all
from master.adapters.inbox import Inbox, Received
from master.code.identity import DEFAULT_TRAINER, code_identity, has_thread_main, trainer_fields
from master.code.script_syntax import check_syntax
from master.code.snapshot import Sources, find_script, find_trainer, take_snapshot
from master.commands.run_two_phase_options import TwoPhaseOptions, parse
from master.commands.standard_streams import make_usable
from master.commands.working_directory import check_working_directory
from master.core.planning.job_settings import NOT_FOR_THE_SCRIPT
from master.core.planning.plan import Plan, make_plan
from master.core.planning.workers import planned_workers
from master.core.running import events as ev
from master.core.running.lifecycle import State
from master.core.running.records import Policy, RunState
from master.core.running.recovery import recover
from master.core.running.run_state import EXIT_INTERRUPTED
from master.errors import ConfigError, NoUsableWorker, TwophaseError, UsageError
from master.intake.cluster import read_cluster
from master.intake.executors import INLINE, check_executors, inline_problem, threads_problem_of
from master.intake.job_settings import check_job_settings
from master.intake.jobs import read_jobs
from master.runs import run_parts
from master.runs.dispatcher import Dispatcher
from master.runs.launching import Limits
from master.runs.phase_logs import build_phase_log, read_phase_log, write_phase_log
from master.runs.stop_signals import as_events
from master.runs.worker_check import check_gpu_memory, probe_workers
from master.specs import ClusterSpec, JobsSpec
from master.storage.base_model_store import BaseModelStore
from master.storage.journal import Journal, is_empty, read_known_ids
from master.storage.run_layout import RunLayout
from master.transfers.published_attempt import find_published_attempt
from master.view.plan_table import plan_json, print_plan
from master.view.result_table import collected_metrics, print_result, result_json
from master.view.view import View, open_view
from master.view.wording import clean
from worker_agent.protocol import messages as msg

_MOST_NOTES = 5


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; errors of the user are one message, never a traceback."""
    make_usable()
    options = parse(argv)
    try:
        return _run(options)
    except TwophaseError as error:
        _say(str(error))
        return error.exit_code
    except OSError as error:
        _say(f"{error.filename or 'a file'}: {error.strerror or error}")
        return UsageError.exit_code
    except KeyboardInterrupt:
        _say("interrupted before anything was started")
        return EXIT_INTERRUPTED


def _say(text: str) -> None:
    # A worker's words may be in it, and these may hold what a terminal would obey.
    lines = f"run_two_phase: {text}".split("\n")
    indents = (len(line) - len(line.lstrip(" ")) for line in lines)
    print("\n".join(" " * n + clean(line) for n, line in zip(indents, lines, strict=True)), file=sys.stderr)


@contextmanager
def _printing() -> Iterator[None]:
    """Print what a reader may no longer be there for: that ends no run and changes no exit code."""
    try:
        yield
        sys.stdout.flush()
    except (OSError, SystemExit) as error:  # rich leaves the program where nobody reads
        if isinstance(error, OSError) and not isinstance(error, BrokenPipeError):
            if error.filename is not None:
                raise
            _say(f"standard output cannot be written: {error.strerror}")
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
    store = BaseModelStore(layout)
    intent = _check(options, layout, store)
    if options.dry_run:
        return _dry_run(options, intent)
    synced = run_parts.synced_data(intent.cluster)
    with ExitStack() as stack:
        terminal = False if options.executor == INLINE else None
        view = open_view(quiet=options.quiet, terminal=terminal, log_file=options.log_file)
        stack.callback(view.close)
        stack.enter_context(run_parts.exclusive(layout))
        journal = stack.enter_context(closing(Journal(layout.journal)))
        journal.remember_jobs({job.job_hash: job.job_id for job in intent.jobs.jobs})
        program = take_snapshot(intent.sources, layout.code)
        for text in _mend(intent, store):
            view.note(text)
            if options.quiet:  # which leaves notes out, but these are problems
                _say(text)
        parts = run_parts.Ingredients(
            *(intent.cluster, intent.jobs, program, layout, journal.run_id, journal.new_epoch(), synced),
            limits=Limits(options.timeout, options.stall_timeout, options.executor),
        )
        return _work(options, parts, intent, store, journal, view)


def _mend(intent: _Intent, store: BaseModelStore) -> Iterator[str]:
    """Set damaged base models aside; yield that, and what cannot be mended."""
    for spec_hash, problem in intent.damaged.items():
        yield f"{problem}; moved to {store.set_aside(spec_hash)}, it is trained again"
    if intent.doubt:
        yield intent.doubt


def _check(options: TwoPhaseOptions, layout: RunLayout, store: BaseModelStore) -> _Intent:
    """Read and check all that the user gave.  Raises UsageError and ConfigError; changes nothing."""
    source = str(options.cluster_config)
    cluster = run_parts.with_head_paths(read_cluster(options.cluster_config), source)
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
    whole, damaged = store.scan(jobs.base_models)
    plan = make_plan(jobs, {spec_hash: manifest["content_hash"] for spec_hash, manifest in whole.items()})
    _check_skip_phase1(options, plan)
    _check_results(layout, jobs, known_ids)
    return _Intent(cluster, jobs, sources, plan, whole, damaged, doubt)


def _script(options: TwoPhaseOptions, cluster: ClusterSpec) -> Path | None:
    if options.script_path is not None:
        return run_parts.expanded(options.script_path, "--script-path")
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
    with _printing():
        if options.json:
            print(json.dumps(plan_json(intent.jobs, intent.plan, workers), indent=2))
        else:
            print_plan(intent.jobs, intent.plan, workers)
    for problem in intent.damaged.values():
        _say(f"{problem}; it is going to be set aside and trained again")
    if intent.doubt:
        _say(intent.doubt)
    return 0 if any(worker.reachable for worker in workers) else NoUsableWorker.exit_code


def _work(
    options: TwoPhaseOptions,
    parts: run_parts.Ingredients,
    intent: _Intent,
    store: BaseModelStore,
    journal: Journal,
    view: View,
) -> int:
    """Run until the end, then say what came of it."""
    started_at = time.time()
    inline = options.executor == INLINE
    retries, most = (0, 1) if inline else (options.retries, 1 if options.no_parallel else None)
    policy = Policy(retries, options.strict_phases, options.lease, max_running=most)
    names = [server.name for server in parts.cluster.servers]
    state = recover(intent.plan, policy, names, journal.transitions())
    inbox: Inbox = SimpleQueue()
    _find_published(state, parts.layout, inbox)
    library = run_parts.make_library(parts, intent.whole, store)
    links = run_parts.make_links(parts, inbox)
    checkpoints = run_parts.make_checkpoints(parts.layout, state, inbox)
    courier = run_parts.make_courier(parts, links, inbox, store, library, checkpoints)
    launcher = checkpoints.launching(run_parts.make_launcher(parts, state, library))
    _greet(options, parts, intent.plan, view)
    _say_missing(state, parts.layout, view)
    with as_events(inbox):
        try:
            exit_code = Dispatcher(state, journal, inbox, links, courier, launcher, view).run()
        finally:
            with suppress(OSError):
                view.close()
            courier.close()
            close_all(links.values(), msg.Shutdown() if state.finished and not state.stopping else None)
        _write_logs(parts, state, started_at)
        if exit_code == NoUsableWorker.exit_code:
            reasons = [f"{view.name}: {view.reason}" for view in state.workers.values()]
            _say("\n  ".join(["no usable worker:", *(text.replace("\n", "\n    ") for text in reasons)]))
        _report(options, parts.layout, state, exit_code, time.time() - started_at)
    return exit_code


def _write_logs(parts: run_parts.Ingredients, state: RunState, started_at: float) -> None:
    configs = run_parts.job_configs(parts.jobs)
    slots = sum(view.slots for view in state.workers.values())
    for phase, path in ((1, parts.layout.phase1_log), (2, parts.layout.phase2_log)):
        log = build_phase_log(state, phase, configs, started_at, time.time(), slots, read_phase_log(path))
        try:
            write_phase_log(path, log)
        except OSError as error:
            _say(f"{path} cannot be written: {error.strerror}; the same command writes it again")


def _report(
    options: TwoPhaseOptions, layout: RunLayout, state: RunState, exit_code: int, elapsed_s: float
) -> None:
    with _printing():
        if options.json:
            metrics = collected_metrics(state, layout)
            print(json.dumps(result_json(state, exit_code, metrics, layout.result), indent=2))
        elif not (options.quiet and exit_code == 0):
            print_result(state, layout, elapsed_s=elapsed_s)


def _find_published(state: RunState, layout: RunLayout, inbox: Inbox) -> None:
    """Finish what a master did that went down after it had published a result and before it could say so."""
    for task_id, record in state.tasks.items():
        if record.unrecorded_successes and (
            ours := find_published_attempt(layout.result(task_id), record.outcomes)
        ):
            inbox.put(Received(ev.Collected(time.time(), task_id, *ours)))


def _greet(options: TwoPhaseOptions, parts: run_parts.Ingredients, plan: Plan, view: View) -> None:
    if not options.json and not options.quiet:
        with _printing():
            print_plan(parts.jobs, plan, planned_workers(parts.cluster))
    if options.tmux_session:
        view.note("--tmux-session is no longer needed: jobs go on without the terminal, and so does the run")
    left_out = parts.program.left_out
    for reason in left_out[:_MOST_NOTES]:
        view.note(reason)
    if len(left_out) > _MOST_NOTES:
        view.note(f"… and {len(left_out) - _MOST_NOTES} more beside the script that are not copied as code")


def _say_missing(state: RunState, layout: RunLayout, view: View) -> None:
    """Tell of results that somebody has removed: what succeeded is not run again."""
    gone = [
        record.task.task_id
        for record in state.tasks.values()
        if record.state is State.SUCCEEDED and record.finished.get("files")
        if not layout.result(record.task.task_id).exists()
    ]
    for job_id in gone[:_MOST_NOTES]:
        view.note(
            f"{job_id} succeeded earlier and its result is gone; give it another id or prefix to run it again"
        )
    if len(gone) > _MOST_NOTES:
        view.note(f"… and the results of {len(gone) - _MOST_NOTES} more jobs are gone")


if __name__ == "__main__":
    sys.exit(main())
