"""`add`: more jobs for a run that goes on, with the base models that they need and the run has not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from master.core.planning.plan import Job, Plan, base_model_job_id
from master.core.running import commands as cmd
from master.core.running.jobs import lacks_base, unlock
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
    wanted = {job.needs for job in new}
    trainings = [job for job in plan.jobs if job.makes in wanted and _is_new(state, plan, job)]
    if new and not event.dry_run:
        _take(state, plan, [*trainings, *new], out)
    says = [Said(job.job_id, _says(state, job, trainings)) for job in new]
    return Reply(tuple(says), tuple(refused), (STOPPING,) if state.stopping and new else ())


def _is_new(state: RunState, plan: Plan, job: Job) -> bool:
    """True for the training of a base model that is neither home nor a job of the run."""
    return job.makes is not None and job.makes not in state.home and job.job_id not in state.jobs


def _says(state: RunState, job: Job, trainings: Sequence[Job]) -> str:
    if job.needs is None:
        return "is added"
    if any(training.makes == job.needs for training in trainings):
        return f"is added; its base model {job.needs[:12]} is trained first"
    base = state.jobs.get(base_model_job_id(job.needs))
    if job.needs not in state.home and base and base.state in (State.FAILED, State.CANCELLED):
        advice = f"twophase retry {job.needs[:12]}"
        return f"is added, and blocked: the training of its base model has ended in vain: {advice}"
    return f"is added; it starts from base model {job.needs[:12]} of the run"


def _take(state: RunState, plan: Plan, jobs: Sequence[Job], out: Outbox) -> None:
    needed = {job.needs for job in jobs}
    held = {spec: found for spec, found in plan.in_store.items() if spec in needed and spec not in state.home}
    state.home.update(held)
    in_store = {**state.plan.in_store, **held}
    state.plan = replace(state.plan, jobs=(*state.plan.jobs, *jobs), in_store=in_store)
    out.commands.append(cmd.TakeJobs(tuple(job.job_id for job in jobs)))
    for record in [state.add_job(job) for job in jobs]:
        unlock(state, record, out)
        if lacks_base(state, record):
            state.unlocking.append(record.job.job_id)
