"""`add`: more jobs for a run that goes on, with the base models that they need and the run has not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from master.core.planning.plan import Job, Plan, base_model_job_id
from master.core.running import commands as cmd
from master.core.running.artefacts import train_again
from master.core.running.jobs import base_in_vain, lacks_base, unlock
from master.core.running.lifecycle import State
from master.core.running.orders.of_jobs import AddJobs
from master.core.running.orders.order import Ordered, Reply, Said
from master.core.running.orders.retrying import STOPPING
from master.core.running.records import Outbox, RunState


def add(state: RunState, event: Ordered, out: Outbox) -> Reply:
    """Take in the jobs that the run has not; of its base models none is trained twice."""
    assert isinstance(event.order, AddJobs) and event.plan is not None
    plan = event.plan
    new = [job for job in plan.jobs if job.phase == 2 and job.job_id not in state.jobs]
    refused = [
        Said(job.job_id, "is in this run already")
        for job in plan.jobs
        if job.phase == 2 and job.job_id in state.jobs
    ]
    trainings = _trainings(state, plan, new)
    says = [Said(job.job_id, _says(state, job, trainings)) for job in new]
    if new and not event.dry_run:
        _take(state, plan, [*trainings, *new], out)
    return Reply(tuple(says), tuple(refused), (STOPPING,) if state.stopping and new else ())


def _trainings(state: RunState, plan: Plan, new: Sequence[Job]) -> list[Job]:
    """Return what trains those base models of jobs, and ancestors, that the run neither has nor trains."""
    wanted = {job.needs for job in new}
    found = []
    for job in reversed(plan.jobs):  # children before what they start from
        if job.makes in wanted and _is_new(state, job):
            wanted.add(job.needs)
            found.append(job)
    return found[::-1]


def _is_new(state: RunState, job: Job) -> bool:
    """True for the training of a base model that is neither home nor a job of the run."""
    return job.makes is not None and job.makes not in state.home and job.job_id not in state.jobs


def _says(state: RunState, job: Job, trainings: Sequence[Job]) -> str:
    if job.needs is None:
        return "is added"
    if any(training.makes == job.needs for training in trainings):
        return f"is added; its base model {job.needs[:12]} is trained first"
    base = None if job.needs in state.home else state.jobs.get(base_model_job_id(job.needs))
    if base and base.state is State.SUCCEEDED:
        return f"is added; its base model {job.needs[:12]}, no longer in the store, is trained first"
    if base and (ended := base_in_vain(state, base)):
        advice = f"twophase retry {(ended.job.makes or '')[:12]}"
        return f"is added, and blocked: the training of its base model has ended in vain: {advice}"
    return f"is added; it starts from base model {job.needs[:12]} of the run"


def _take(state: RunState, plan: Plan, jobs: Sequence[Job], out: Outbox) -> None:
    needed = {spec for job in jobs for spec in plan.ancestors(job)}
    held = {spec: found for spec, found in plan.in_store.items() if spec in needed and spec not in state.home}
    state.home.update(held)
    in_store = {**state.plan.in_store, **held}
    if_damaged = {**plan.if_damaged, **state.plan.if_damaged}
    state.plan = replace(state.plan, jobs=(*state.plan.jobs, *jobs), in_store=in_store, if_damaged=if_damaged)
    out.commands.append(cmd.TakeJobs(tuple(job.job_id for job in jobs)))
    for record in [state.add_job(job) for job in jobs]:
        unlock(state, record, out)
        if record.job.needs and lacks_base(state, record):
            _train_what_is_lost(state, record.job.needs, out)
            state.unlocking.append(record.job.job_id)


def _train_what_is_lost(state: RunState, spec_hash: str, out: Outbox) -> None:
    """Train a base model again that was made before, and that nothing needed when it went."""
    if base_model_job_id(spec_hash) in state.jobs:
        train_again(state, spec_hash, out, "it is no longer in the store")
