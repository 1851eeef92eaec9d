"""Base models that nothing needs any more: all that would start from them has been done from others."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from master.core.planning.plan import Job, Plan


def without_needless(plan: Plan, done: Collection[str], begun: Collection[str]) -> Plan:
    """Return the plan without base models from which only jobs would start that are done.

    `done` are the jobs whose results are there, `begun` those that an earlier start has not finished: with
    these the run goes on.  What is left out is trained all the same where a job that is added needs it.
    """
    wanted = {job.needs for job in plan.jobs if not job.makes and job.job_id not in done}
    needless = dict[str, Job]()
    for job in reversed(plan.jobs):
        if job.makes and (job.makes in wanted or job.job_id in begun):
            wanted.add(job.needs)
        elif job.makes:
            needless[job.makes] = job
    if not needless:
        return plan
    jobs = tuple(job for job in plan.jobs if job.makes not in needless)
    return replace(plan, jobs=jobs, if_damaged={**plan.if_damaged, **needless})


def notes_on_needless(plan: Plan, kept: Plan) -> Iterator[str]:
    """Yield what is to be said of the base models that were left out."""
    count = len(plan.to_train) - len(kept.to_train)
    if count:
        what, which = ("1 base model is", "it") if count == 1 else (f"{count:,} base models are", "them")
        yield f"{what} not trained: all jobs that would start from {which} are done"
