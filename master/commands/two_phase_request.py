"""What the user of `run_two_phase` asks for: read, checked, and made into the spec of a run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from master.code.base_model_words import no_place_for_base_models, no_place_for_parents, no_place_for_rungs
from master.code.code_record import CodeRecord
from master.code.former_code import CodeReport, report_on
from master.code.needed_modules import needed_by
from master.code.script_syntax import check_syntax
from master.code.trainer_manifest import find_trainer_manifest
from master.commands.additions.programs import Additions
from master.commands.additions.whose import orders_of_run
from master.commands.chosen_code import (
    GOING_ON,
    KEEP,
    ChosenCode,
    CodeChanged,
    choose_code,
    choose_stages,
    path_warnings,
)
from master.commands.job_reading import (
    AddedJobs,
    JobProgram,
    Reading,
    ReadingContext,
    check_results,
    joined_by,
    notes_on_added,
)
from master.commands.options.run_two_phase import TwoPhaseOptions
from master.commands.taken_flags import flags_taken, notes_on_flags
from master.commands.taken_ids import notes_on_earlier, notes_on_suffixes, taken_by_earlier
from master.core.flags.declared import NOTHING_KNOWN, ScriptFlags
from master.core.planning.fusing.notes import notes_on_fusing
from master.core.planning.generations.needed import notes_on_needless, without_needless
from master.core.planning.generations.rungs import Manifests
from master.core.planning.plan import Plan, make_plan
from master.core.planning.workers import notes_on_limits
from master.core.running.lifecycle import State
from master.core.running.policy import Policy
from master.core.running.pruning.planned import notes_on_pruning
from master.errors import ConfigError, TwophaseError, UsageError
from master.intake.cluster import THIS_MACHINE, read_cluster, this_machine
from master.intake.head_paths import with_head_paths
from master.intake.job_ids import IdTaken
from master.intake.secrets.environment import with_secrets
from master.intake.secrets.notify import with_notify
from master.intake.settings_check import check_phase1_labels
from master.intake.stages.file import has_stages, read_stages
from master.intake.stages.links import StageCode, read_staged_jobs
from master.intake.sweeps.flags import given_jobs
from master.notify.sending import check_can_be_sent
from master.runs.launching import Limits
from master.runs.resuming.at_home import Climbed, climbed
from master.runs.script_jobs import BaseCode, ScriptJobs
from master.runs.spec import MoreJobs, ReadMore, RunSpec
from master.runs.worker_check import with_needs
from master.specs import ClusterSpec, JobsSpec
from master.storage.base_model_store import BaseModelStore
from master.storage.journal_reading import (
    EarlierStarts,
    read_earlier_starts,
    read_states,
)
from master.storage.result_records import EarlierResult, earlier_results
from master.storage.run_layout import RunLayout
from master.view.plan_code import PlannedCode
from master.view.wording import plural
from worker_agent.protocol.script_contract import DEFAULT_EXECUTOR, INLINE

_ALL_DONE = (
    "nothing is to run, all results are of the code as it was then; to run all again with that of now:"
    " --run-dir OTHER"
)


@dataclass(frozen=True)
class TwoPhaseRequest:
    """What the user wants, checked; nothing has been written or started."""

    cluster: ClusterSpec
    jobs: JobsSpec
    code: PlannedCode
    record: CodeRecord
    """Of the code."""
    plan: Plan
    whole: Mapping[str, Mapping[str, Any]]
    """Manifests of the base models in the store, by `spec_hash`."""
    rotten: Mapping[str, Mapping[str, Any]]
    """Manifests of those of which only the files are damaged: a worker may have them whole."""
    damaged: Mapping[str, str]
    """What is wrong with these, and with the others that are not whole."""
    doubt: str = ""
    """Why the script may not run."""
    imports: tuple[str, ...] = ()
    """First names of the modules that the script cannot do without, where they can be read."""
    flags: ScriptFlags = NOTHING_KNOWN
    """What the script takes."""
    executors: tuple[str, str] = (DEFAULT_EXECUTOR, DEFAULT_EXECUTOR)
    """What runs the jobs that do not say so, and what does on workers with GPUs."""
    base: BaseCode | None = None
    """What trains base models, where that is another script."""
    earlier: tuple[EarlierResult, ...] = ()
    """Results of the run directory that are of no job of this command."""
    read_more: ReadMore | None = None
    """Reads jobs that are added while the run goes on; None where there can be none."""
    added: tuple[MoreJobs, ...] = ()
    """Those of the jobs that were added with programs of their own."""


def check_request(options: TwoPhaseOptions, layout: RunLayout) -> TwoPhaseRequest:
    """Read and check all that the user gave.  Raises UsageError and ConfigError; changes nothing."""
    try:
        return _checked(replace(options, dry_run=False), layout)
    except CodeChanged as changed:
        if done := _all_done(options, layout, changed.told):
            return done
        if options.dry_run:
            return _checked(options, layout)
        raise


def _all_done(options: TwoPhaseOptions, layout: RunLayout, told: str) -> TwoPhaseRequest | None:
    """Return the request by the code of the earlier start, if that has done all jobs already."""
    try:
        kept = _checked(replace(options, code=KEEP), layout)
    except TwophaseError:
        return None
    states = read_states(layout.journal)
    if any(states.get(job.job_id) is not State.SUCCEEDED for job in kept.plan.jobs):
        return None
    others = (note for note in kept.code.notes if note != GOING_ON)
    return replace(kept, code=replace(kept.code, notes=(f"{told}; {_ALL_DONE}", *others)))


def _checked(options: TwoPhaseOptions, layout: RunLayout) -> TwoPhaseRequest:
    cluster = cluster_of(options)
    earlier = read_earlier_starts(layout.journal)
    given = given_jobs(options.jobs_config, options.sweep)
    stages = read_stages(given) if has_stages(given) else None
    chosen = options, cluster, layout, earlier
    base, code = choose_stages(*chosen, stages) if stages else (None, choose_code(*chosen))
    script, scripts = code.script, [each.script for each in (base, code) if each and each.script]
    imported = [needed_by(each.sources) for each in (base, code) if each]
    needs = tuple(dict.fromkeys(name for names in imported for name in names))
    cluster = with_needs(cluster, imported, may_lack=options.ignore_missing_modules)
    trainer = None if script else find_trainer_manifest(options.trainer)
    of_base = _base_code(base, options)
    orders = orders_of_run(layout, earlier)
    context = ReadingContext(options, cluster, layout, earlier, joined_by(orders))
    program = JobProgram.of(options, code, trainer, told_prefix=base is not None)
    reading, flags = Reading(context, program), program.flags
    more = Additions(context, AddedJobs.of(given, reading.checked))
    added, left_out = list[MoreJobs](), list[str]()
    try:
        if stages and of_base:
            codes = StageCode(of_base.record.identity, of_base.flags), StageCode(code.record.identity, flags)
            own = jobs = read_staged_jobs(stages, *codes, earlier.known_ids)
        else:
            own = reading.read(given, earlier.known_ids)
            jobs, added, left_out = more.with_added(own, orders, earlier.known_ids)
    except IdTaken as error:
        raise taken_by_earlier(error, layout) from error
    reading.check(own)
    doubt = "; ".join(filter(None, (check_syntax(each, cluster.servers) for each in scripts)))
    store = BaseModelStore(layout)
    (whole, rotten, damaged), rungs = _of_store(jobs, store, options)
    jobs, plan = _planned((own, rungs.jobs), {**whole, **rotten}, reading.machines, left_out)
    plan = _needed(plan, layout, options, left_out)
    check_results(layout, jobs, earlier)
    mine = jobs.of_addition("")
    report = _report((base or code).record, mine, plan, whole.values(), store)
    results = _results_beside(layout, jobs, earlier)
    notes = _notes(mine, flags, cluster, (base, code)), _plan_notes(plan, cluster, mine, options)
    beside = rungs.notes(plan), notes_on_suffixes(jobs, earlier.known_ids, layout)
    told = chain(*notes, *beside, notes_on_earlier(results), notes_on_added(jobs, own), left_out)
    planned = PlannedCode(code.sources, report, tuple(told))
    found = planned, code.record, plan, whole, rotten, damaged, doubt
    rest = needs, flags, program.executors, of_base, results, None if stages else more.read_more
    return TwoPhaseRequest(cluster, jobs, *found, *rest, tuple(map(rungs.of_addition, added)))


def _of_store(
    jobs: JobsSpec, store: BaseModelStore, options: TwoPhaseOptions
) -> tuple[tuple[Manifests, Manifests, Mapping[str, str]], Climbed]:
    """Return what is whole, whole but for its files, and damaged, and jobs that go on from what there is."""
    whole, damaged = store.scan(jobs.base_models)
    rotten = {} if options.skip_phase1 else store.look(damaged)[0]
    rungs = climbed(jobs, store, {**whole, **rotten})
    return ({**whole, **rungs.found}, rotten, damaged), rungs


def _planned(
    own_and_all: tuple[JobsSpec, JobsSpec],
    whole: Mapping[str, Mapping[str, Any]],
    cluster: ClusterSpec,
    left_out: list[str],
) -> tuple[JobsSpec, Plan]:
    """Return the jobs that can be planned, and how: those of the command's own file, which must, or all.

    Raises ConfigError; adds to `left_out` what is to be said of added jobs that are left out.
    """
    own, jobs = own_and_all
    try:
        return jobs, plan_of(jobs, whole, cluster)
    except ConfigError as error:
        found = {spec_hash: manifest for spec_hash, manifest in whole.items() if spec_hash in own.base_models}
        plan, count = plan_of(own, found, cluster), len(jobs.jobs) - len(own.jobs)
        gone = f"{'is' if count == 1 else 'are'} left out"
        what = f"{plural(count, 'job')} that `twophase add` gave the run {gone}"
        left_out.append(f"{what}, as base models for them can be trained nowhere any more: {error}")
        return own, plan


def _needed(plan: Plan, layout: RunLayout, options: TwoPhaseOptions, left_out: list[str]) -> Plan:
    """Return the plan without base models that only done jobs would start from, and say so.  UsageError."""
    states = read_states(layout.journal) if plan.to_train else {}
    done = {job_id for job_id, state in states.items() if state is State.SUCCEEDED}
    kept = without_needless(plan, done, states.keys() - done)
    left_out += notes_on_needless(plan, kept)
    _check_skip_phase1(options, kept)
    return kept


def plan_of(jobs: JobsSpec, whole: Mapping[str, Mapping[str, Any]], cluster: ClusterSpec) -> Plan:
    """Return the jobs that there are, given the base models that need no training.  Raises ConfigError."""
    in_store = {spec_hash: manifest["content_hash"] for spec_hash, manifest in whole.items()}
    plan = make_plan(jobs, in_store, cluster.phase1_labels)
    check_phase1_labels(plan, jobs.source, cluster)
    return plan


def _report(
    record: CodeRecord, jobs: JobsSpec, plan: Plan, whole: Iterable[Mapping[str, Any]], store: BaseModelStore
) -> CodeReport:
    """Return what there is to say of base models of other code; `jobs` are those of the command's program."""
    to_train = [jobs.base_models[name] for name in plan.to_train if name in jobs.base_models]
    return report_on(record, to_train, whole, store.manifests() if to_train else ())


def _notes(
    jobs: JobsSpec, flags: ScriptFlags, cluster: ClusterSpec, codes: tuple[ChosenCode | None, ChosenCode]
) -> Iterator[str]:
    base, code = codes
    yield from _base_notes(base, code, jobs)
    yield from code.notes
    yield from notes_on_flags(jobs, flags)
    yield from path_warnings(code, cluster, jobs)


def _plan_notes(plan: Plan, cluster: ClusterSpec, mine: JobsSpec, options: TwoPhaseOptions) -> Iterator[str]:
    yield from notes_on_limits(plan, cluster)
    yield from notes_on_fusing(mine, plan, options.executor)
    yield from notes_on_pruning(plan)


def _results_beside(layout: RunLayout, jobs: JobsSpec, earlier: EarlierStarts) -> tuple[EarlierResult, ...]:
    """Return the run's results that are of no job of this command."""
    wanted = {job.job_id for job in jobs.jobs}
    others = (job_id for job_id in earlier.known_ids.values() if job_id not in wanted)
    return tuple(earlier_results(layout, sorted(others)))


def _base_code(base: ChosenCode | None, options: TwoPhaseOptions) -> BaseCode | None:
    if base is None:
        return None
    flags = replace(flags_taken(base.sources, None, options.flag_style), told_prefix=True)
    return BaseCode(base.sources, base.record, flags)


def _base_notes(base: ChosenCode | None, code: ChosenCode, jobs: JobsSpec) -> Iterator[str]:
    """Yield what there is to say of the script that trains base models."""
    if base:
        yield f"base models are trained by {base.sources.entry}"
        yield from base.notes
    elif jobs.base_models and (doubt := no_place_for_base_models(code.sources, code.record)):
        yield doubt
    else:
        if any(each.parent for each in jobs.base_models.values()):
            yield from filter(None, [no_place_for_parents(code.sources, code.record)])
        if jobs.rungs:
            yield from filter(None, [no_place_for_rungs(code.sources, code.record)])


def cluster_of(options: TwoPhaseOptions) -> ClusterSpec:
    """Return the workers that the user names.  Raises ConfigError."""
    source = str(options.cluster_config or THIS_MACHINE)
    found = read_cluster(options.cluster_config) if options.cluster_config else this_machine()
    told = with_notify(found, options.notify, source)
    check_can_be_sent(told, source)
    return with_secrets(with_head_paths(told, source), source, os.environ)


def _check_skip_phase1(options: TwoPhaseOptions, plan: Plan) -> None:
    if options.skip_phase1 and plan.to_train:
        shown = [spec_hash[:12] for spec_hash in plan.to_train[:5]]
        missing = ", ".join([*shown, "…"] if len(plan.to_train) > len(shown) else shown)
        total = len(plan.to_train) + len(plan.in_store)
        raise UsageError(
            f"--skip-phase1: {len(plan.to_train)} of {total} base models are not in the store ({missing});"
            " leave the flag out to train them"
        )


def settings_of(options: TwoPhaseOptions, request: TwoPhaseRequest) -> tuple[Limits, Policy]:
    """Return what holds for all jobs that do not say otherwise."""
    policy = replace(policy_of(options), peers=request.cluster.peers)
    return Limits(options.timeout, options.stall_timeout, *request.executors), policy


def policy_of(options: TwoPhaseOptions) -> Policy:
    """Return how trouble is dealt with."""
    inline = options.executor == INLINE
    retries, most = (0, 1) if inline else (options.retries, 1 if options.no_parallel else None)
    policy = Policy(
        *(retries, options.strict_phases, options.lease),
        max_failures=options.max_failures,
        max_running=most,
    )
    return policy.with_patience(options.give_up_after)


def run_spec(options: TwoPhaseOptions, layout: RunLayout, request: TwoPhaseRequest) -> RunSpec:
    """Return the run that the user wants."""
    limits, policy = settings_of(options, request)
    return RunSpec(
        layout,
        request.cluster,
        request.plan,
        ScriptJobs(
            *(request.jobs, request.code.sources, request.record, limits, request.flags), request.base
        ),
        policy,
        jobs=request.jobs,
        in_store={**request.whole, **request.rotten},
        damaged=request.damaged,
        retries_cancelled=options.retry_cancelled,
        in_terminal=options.executor == INLINE,
        read_more=request.read_more,
        added=request.added,
    )
