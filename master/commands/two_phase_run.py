"""A run of `run_two_phase`, from its opening to what is said of its end."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager

from master.commands.frame import Command
from master.commands.options.run_two_phase import TwoPhaseOptions
from master.commands.run_two_phase import COMMAND
from master.commands.taken_ids import notes_on_earlier
from master.commands.two_phase_request import TwoPhaseRequest, run_spec, settings_of
from master.core.planning.workers import planned_workers
from master.errors import NoUsableWorker
from master.notify.post import telling
from master.runs.dispatcher import halt_text
from master.runs.notices import Observer
from master.runs.phase_logs import write_phase_logs
from master.runs.run import Run, RunResult
from master.runs.spec import RunSpec
from master.runs.stop_signals import on_signals
from master.storage.result_records import EarlierResult
from master.storage.run_layout import RunLayout
from master.view.job_lines import print_settings
from master.view.job_starts import start_notes
from master.view.metrics import Metrics, absence
from master.view.plan_table import print_plan
from master.view.result_sheet import write_sheet
from master.view.result_table import collected_metrics, print_result, result_json
from master.view.view import open_views
from master.web.beside import page_beside
from worker_agent.protocol.script_contract import INLINE


@contextmanager
def opened_run(
    options: TwoPhaseOptions, spec: RunSpec, command: Command
) -> Iterator[tuple[Run, list[Observer]]]:
    """Open a run, and give it with all that watches it."""
    layout = spec.layout
    with ExitStack() as stack:
        terminal = False if options.executor == INLINE else None
        views = open_views(quiet=options.quiet, terminal=terminal, log_file=options.log_file)
        for view in views:
            stack.callback(view.close)
        opened = stack.enter_context(Run.open(spec))
        # What is there now stays to the end: looking through it for garbage takes a sixth of the core's time.
        stack.callback(gc.unfreeze)
        gc.freeze()
        told = telling(spec.cluster.notify, layout.root, opened.note, command.say)
        tellers = stack.enter_context(told)
        # Not a note: those go to log files, and the address is a secret.
        given = layout.root, options.web, command.say
        page = page_beside(*given, scripts=options.scripts, roots=options.data_root)
        stack.enter_context(page)
        yield opened, [*views, *tellers]


def written(
    layout: RunLayout, result: RunResult, command: Command, earlier: Sequence[EarlierResult] = ()
) -> dict[str, Metrics]:
    """Write the logs of a run that is over and the table of its results; return its metrics, by `job_id`."""
    metrics = collected_metrics(result.state, layout)
    for text in write_phase_logs(layout, result):
        command.say(text)
    for text in result.left:
        command.say(text)
    for text in write_sheet(result.state, layout, result.jobs, metrics, earlier):
        command.say(text)
    return metrics


def run(options: TwoPhaseOptions, layout: RunLayout, request: TwoPhaseRequest) -> int:
    """Run until the end, then say what came of it."""
    with opened_run(options, run_spec(options, layout, request), COMMAND) as (opened, observers):
        _greet(options, request, opened)
        with on_signals(opened.stop):
            result = opened.run(observers)
            metrics = written(layout, result, COMMAND, request.earlier)
            if result.exit_code == NoUsableWorker.exit_code:
                reasons = (text.replace("\n", "\n    ") for text in result.reasons)
                COMMAND.say("\n  ".join(["no usable worker:", *reasons]))
            if options.quiet and result.state.halted:  # which leaves notes out
                COMMAND.say(halt_text(result.state.halted))
            _report(options, layout, result, metrics, request)
        return result.exit_code


def _greet(options: TwoPhaseOptions, request: TwoPhaseRequest, run: Run) -> None:
    """Say what there is to say before the jobs begin."""
    problems = [*run.problems, *([request.doubt] if request.doubt else [])]
    if options.quiet:  # which leaves notes out, but these are problems
        for text in problems:
            COMMAND.say(text)
    if request.doubt:
        run.note(request.doubt)
    for note in request.code.all_notes:
        run.note(note)
    if options.tmux_session:
        run.note("--tmux-session is no longer needed: jobs go on without the terminal, and so does the run")
    if not options.json and not options.quiet:
        with COMMAND.printing():
            code = request.code.without_notes()
            print_plan(request.jobs, request.plan, planned_workers(request.cluster), code)
            print_settings(*settings_of(options, request))


def _report(
    options: TwoPhaseOptions,
    layout: RunLayout,
    result: RunResult,
    metrics: Mapping[str, Metrics],
    request: TwoPhaseRequest,
) -> None:
    state, exit_code = result.state, result.exit_code
    starts = [
        *start_notes(state, request.imports),
        *notes_on_earlier(request.earlier),
        *(absence(metrics) if request.code.sources.entry else ()),
    ]
    with COMMAND.printing():
        if options.json:
            found = metrics, layout.result, result.code_notes(), starts
            print(json.dumps(result_json(state, exit_code, *found), indent=2))
        elif not (options.quiet and exit_code == 0):
            print_result(
                state,
                layout,
                elapsed_s=result.ended_at - result.started_at,
                notes=(*result.code_notes(), *starts),
            )
