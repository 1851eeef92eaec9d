"""Which ready jobs go to a worker together with one that was chosen for it, to train at once: pure choices.

A group takes the room of one job.  No job waits for others: only what is ready now is grouped, and no more of
it than leaves something for every slot that is free.
"""

from __future__ import annotations

import math
from itertools import islice

from master.core.planning.plan import Job
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.placing.worker_room import cost, has_room, machine_room, need_of
from master.core.running.records import JobRecord, RunState

_LOOKED_AT = 1000
"""Of the siblings, the oldest: a choice among more would take long."""


def mates_of(state: RunState, record: JobRecord, view: WorkerView, allowed: float) -> list[JobRecord]:
    """Return the jobs that are to train at once with a job that a worker is about to get.

    `allowed` is how many attempts may start, this one included.  Only first attempts train at once, and those
    after others that were taken back before they began: what has failed, or was lost with its group, is tried
    again alone.
    """
    job = record.job
    if not _may_share(record) or view.faults or view.limits:
        return []
    siblings = state.ready.siblings(job)
    most = _most(state, record, view, min(allowed, _share(state, view, len(siblings))))
    looked_at = (state.jobs[job_id] for job_id in islice(siblings, _LOOKED_AT))
    near = [other for other in looked_at if other is not record and _goes_along(other, job, view)]
    near.sort(key=lambda other: -state.expected_s(other.job))
    return near[: max(0, most - 1)]


def _may_share(record: JobRecord) -> bool:
    is_first = record.attempts == record.unbegun
    return record.job.most_together > 1 and is_first and not record.alone


def _goes_along(other: JobRecord, job: Job, view: WorkerView) -> bool:
    """Return whether a sibling can start as soon as the job does: it may not wait for a base model longer."""
    needs = other.job.needs
    is_here = needs is None or needs == job.needs or needs in view.expected_models
    return is_here and _may_share(other) and other.job.resources == job.resources


def _share(state: RunState, view: WorkerView, siblings: int) -> int:
    """Return how many of the siblings are one slot's, where all slots that are free get equally many."""
    rooms = (other.room(0) for other in state.workers.values() if other is not view)
    slots = sum(math.floor(room) for room in rooms if room >= 1) + max(1, math.floor(view.room(0)))
    return math.ceil(siblings / slots)


def _most(state: RunState, record: JobRecord, view: WorkerView, most: float) -> int:
    """Return how many jobs a group may have, of `most`, by what each of them takes of the machine."""
    job = record.job
    most = min(most, job.most_together, machine_room(state, job.resources, view))
    need = need_of(state, record, view)
    while most > 1 and need and not _fits(state, view, need * int(most)):
        most -= 1
    return int(most)


def _fits(state: RunState, view: WorkerView, need: int) -> bool:
    """Return whether so much GPU memory is free on a worker now."""
    claim = cost(view, need, alone=False)
    return claim is not None and has_room(view, state.mean_s, claim)
