"""What `run_two_phase` does once its words are understood."""

from __future__ import annotations

import json
from dataclasses import asdict

from master.commands.options.run_two_phase import TwoPhaseOptions
from master.commands.run_two_phase import COMMAND
from master.commands.two_phase_request import TwoPhaseRequest, check_request, run_spec, settings_of
from master.commands.working_directory import check_working_directory
from master.errors import NoUsableWorker
from master.runs.script_jobs import job_configs, planned_jobs
from master.runs.worker_check import Look, check_gpu_memory, probe_workers
from master.specs import NotifySpec
from master.storage.run_layout import RunLayout
from master.view.job_lines import print_jobs, print_settings
from master.view.plan_table import plan_json, print_plan


def work(options: TwoPhaseOptions, ahead: Look | None = None) -> int:
    """Do what the user asked for and return the exit code; `ahead` is a look at this machine, begun."""
    check_working_directory()
    layout = RunLayout(options.run_dir)
    if options.verify:
        return _verify(layout)
    if options.rebuild and not options.dry_run:
        _rebuild(layout)
    request = check_request(options, layout)
    if options.dry_run:
        return _dry_run(options, layout, request, ahead)
    from master.commands.two_phase_run import run  # a plan does without all that runs

    return run(options, layout, request)


def _rebuild(layout: RunLayout) -> None:
    from master.runs.run_lock import exclusive
    from master.storage.rebuilding import rebuild

    with exclusive(layout):
        for text in rebuild(layout):
            COMMAND.say(text)


def _verify(layout: RunLayout) -> int:
    from master.storage.verification import verify

    found = verify(layout)
    for problem in found.problems:
        COMMAND.say(problem)
    with COMMAND.printing():
        print(found.told())
    return 1 if found.problems else 0


def _dry_run(
    options: TwoPhaseOptions, layout: RunLayout, request: TwoPhaseRequest, ahead: Look | None
) -> int:
    spec, configs = run_spec(options, layout, request), job_configs(request.jobs)
    base = (request.base.sources.argv, request.base.flags) if request.base else None
    jobs = planned_jobs(spec, (request.code.sources.argv, request.flags), configs, base)
    limited = any(job.resources.limits for job in request.plan.jobs)
    workers = probe_workers(request.cluster, limited=limited, ahead=ahead)
    check_gpu_memory(request.jobs, workers)
    with COMMAND.printing():
        if options.json:
            plan = plan_json(request.jobs, request.plan, workers, request.code)
            more = {"all_jobs": [asdict(job) for job in jobs]} if options.verbose else {}
            print(json.dumps({**plan, **more}, indent=2))
        else:
            print_plan(request.jobs, request.plan, workers, request.code)
            print_settings(*settings_of(options, request))
            print_jobs(jobs, each=options.verbose)
    if request.cluster.notify:
        _say_who_is_told(request.cluster.notify)
    for spec_hash, problem in request.damaged.items():
        had = "fetched from a worker that has it whole, or " if spec_hash in request.rotten else ""
        COMMAND.say(f"{problem}; it is going to be set aside, and {had}trained again where a job needs it")
    if request.doubt:
        COMMAND.say(request.doubt)
    return 0 if any(worker.reachable for worker in workers) else NoUsableWorker.exit_code


def _say_who_is_told(spec: NotifySpec) -> None:
    from master.notify.sending import look, who

    known = look(spec)
    for text in (who(spec, known), *known.problems):
        COMMAND.say(f"notify: {text}")
