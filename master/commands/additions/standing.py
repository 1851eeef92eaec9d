"""What `twophase serve` does once its words are understood."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace
from typing import NoReturn

from master.commands.additions.programs import Additions
from master.commands.additions.whose import check_no_run
from master.commands.frame import Command
from master.commands.job_reading import ReadingContext, joined_by
from master.commands.options.run_two_phase import TwoPhaseOptions
from master.commands.two_phase_request import cluster_of, plan_of, policy_of
from master.commands.two_phase_run import opened_run, written
from master.commands.working_directory import check_working_directory
from master.errors import InternalError, UsageError
from master.runs.run import Run
from master.runs.run_lock import Owner
from master.runs.spec import NO_JOBS, Code, RunSpec, Start
from master.runs.stop_signals import on_signals
from master.storage.base_model_store import BaseModelStore
from master.storage.journal_reading import read_earlier_starts, read_orders
from master.storage.run_layout import RunLayout
from master.view.result_table import print_result
from master.view.wording import plural
from worker_agent.protocol.script_contract import INLINE

COMMAND = Command("twophase serve")
SERVE = Owner("twophase serve", "DIR")


@dataclass(frozen=True)
class Standing:
    """A master that stands, checked; nothing has been written or started."""

    spec: RunSpec
    notes: tuple[str, ...]


class NoProgram:
    """What runs the jobs of the command: it has none."""

    def take(self, layout: RunLayout) -> Code:
        """Return code that starts nothing."""
        return Code({}, _start_nothing)


def _start_nothing(start: Start) -> NoReturn:
    raise InternalError(f"{start.record.job.job_id} has no program")


def check_standing(options: TwoPhaseOptions, layout: RunLayout) -> Standing:
    """Read and check all that the user gave, and what was added earlier.

    Raises UsageError and ConfigError; changes nothing.
    """
    if options.executor == INLINE:
        raise UsageError("--executor inline: a master that stands has no terminal for its jobs")
    cluster = cluster_of(options)
    earlier, orders = read_earlier_starts(layout.journal), read_orders(layout.journal)
    check_no_run(layout, earlier, orders)
    context = ReadingContext(options, cluster, layout, earlier, joined_by(orders))
    additions = Additions(context, None)
    jobs, added, notes = additions.with_added(NO_JOBS, orders, earlier.known_ids)
    store = BaseModelStore(layout)
    whole, damaged = store.scan(jobs.base_models)
    rotten = store.look(damaged)[0]
    found = {**whole, **rotten}
    spec = RunSpec(
        *(layout, cluster, plan_of(jobs, found, cluster), NoProgram()),
        replace(policy_of(options), stands=True),
        jobs=jobs,
        in_store=found,
        damaged=damaged,
        owner=SERVE,
        read_more=additions.read_more,
        added=tuple(added),
    )
    return Standing(spec, tuple(notes))


def serve(options: TwoPhaseOptions) -> int:
    """Stand until the user ends it, then say what came of it."""
    check_working_directory()
    layout = RunLayout(options.run_dir)
    standing = check_standing(options, layout)
    with opened_run(options, standing.spec, COMMAND) as (opened, observers):
        _greet(standing, opened)
        with on_signals(opened.stop):
            result = opened.run(observers)
            written(layout, result, COMMAND)
            with COMMAND.printing():
                if not options.quiet:
                    print_result(result.state, layout, elapsed_s=result.ended_at - result.started_at)
        return result.exit_code


def _greet(standing: Standing, run: Run) -> None:
    """Say what there is to say before jobs begin."""
    root = standing.spec.layout.root
    for text in (*run.problems, *standing.notes):
        COMMAND.say(text)
    names = dict.fromkeys(more.order.name for more in standing.spec.added)
    if names:
        jobs = plural(len(standing.spec.jobs.jobs), "job")
        run.note(f"goes on with {jobs} of {plural(len(names), 'addition')}: {', '.join(names)}")
    words = f"twophase add jobs.json --script-path train.py --run {shlex.quote(str(root.resolve()))}"
    run.note(f"stands in {root.resolve()}: `{words}` adds jobs; Ctrl-C ends it, and the same command goes on")
