"""What keeps a worker from taking a job now."""

from __future__ import annotations

from master.core.explaining.causes import Hindrance, Obstacle
from master.core.explaining.seats import of_seat
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.placing.assigning import has_alternative
from master.core.running.placing.worker_room import (
    cost,
    has_larger,
    has_machine_room,
    has_room,
    may_have_room,
    need_of,
    suits,
)
from master.core.running.records import JobRecord, RunState
from master.core.running.seating.lasting import lasts


def hindrance(
    state: RunState, record: JobRecord, view: WorkerView, at: float | None = None
) -> Hindrance | None:
    """Return the first thing that keeps a worker from a job; None where it has room for it.

    `at` is now, as Unix time: without it nobody asks what an allocation has left.
    """
    if view.hold and not view.leaves:  # what lasts is told: to end the hold would change nothing
        return _of_the_machine(state, record, view) or _of_users(view)
    found = _of_users(view) or _of_the_worker(state, view)
    return found or _of_the_machine(state, record, view) or _of_now(state, record, view, at)


def _of_users(view: WorkerView) -> Hindrance | None:
    """Tell what a user wants."""
    held = view.leaves or view.hold
    if held is None:
        return None
    obstacle = Obstacle.DRAINED_BY_USER if held.drains else Obstacle.PAUSED_BY_USER
    obstacle = Obstacle.REMOVED if view.leaves else obstacle
    return Hindrance(view.name, obstacle, held.why, held.until, held.by, held.at)


def _of_the_worker(state: RunState, view: WorkerView) -> Hindrance | None:
    if not view.usable:
        return Hindrance(view.name, Obstacle.UNUSABLE, view.reason)
    if view.seat and not view.up:
        return of_seat(state, view.name, view.seat, view.reason)
    if not view.tried:
        return Hindrance(view.name, Obstacle.CONNECTING)
    if not view.up:
        return Hindrance(view.name, Obstacle.DOWN, view.reason)
    return None


def _of_the_machine(state: RunState, record: JobRecord, view: WorkerView) -> Hindrance | None:
    """Tell what is for good, as far as is known of the machine and of the job."""
    needs = record.job.resources
    if not needs.labels <= view.labels:
        return Hindrance(view.name, Obstacle.LABELS, ", ".join(sorted(needs.labels - view.labels)))
    if view.name in record.hopeless:
        return Hindrance(view.name, Obstacle.FAILED_THERE, record.hopeless[view.name])
    if cost(view, need_of(state, record, view), record.alone, needs.gpus) is None:
        lacks = "GPUs" if (needs.gpus or 0) > len(view.gpu_bytes) else "GPU memory"
        return Hindrance(view.name, Obstacle.TOO_SMALL, lacks)
    if not suits(needs, view):
        return Hindrance(view.name, Obstacle.TOO_SMALL, _lacking(record, view))
    return None


def _lacking(record: JobRecord, view: WorkerView) -> str:
    needs = record.job.resources
    if (needs.gpus or 0) > len(view.gpu_bytes):
        return "a GPU" if needs.gpus == 1 else "GPUs"
    return "cores" if view.cores and (needs.cpus or 0) > view.cores else "memory"


def _of_now(state: RunState, record: JobRecord, view: WorkerView, at: float | None) -> Hindrance | None:
    """Tell what goes by itself."""
    if view.seat and view.seat.drains:
        return Hindrance(view.name, Obstacle.GIVEN_BACK, until=view.seat.ends_at)
    if view.paused:
        return Hindrance(view.name, Obstacle.PAUSED, view.fault, view.paused_until)
    if view.faults and view.probe:
        return Hindrance(view.name, Obstacle.PROBED, view.fault)
    if view.slots <= view.held_by_others:
        return Hindrance(view.name, Obstacle.HELD_BY_OTHERS, told_left_alone(view))
    if view.name in record.avoid and has_alternative(state, record):
        return Hindrance(view.name, Obstacle.AVOIDED)
    if record.alone and has_larger(state, view, record.job.resources):
        return Hindrance(view.name, Obstacle.SMALLER_GPU)
    gpus = record.job.resources.gpus
    claim = cost(view, need_of(state, record, view), record.alone, gpus) or 1.0
    may_come = may_have_room(view, claim, gpus)
    if not (may_come and has_room(view, state.mean_s, claim)):
        until = _first_end(state, view) if may_come else None
        return Hindrance(view.name, Obstacle.FULL, _why_full(view, may_come), until)
    if not has_machine_room(state, record.job.resources, view):
        return Hindrance(view.name, Obstacle.MACHINE_FULL, until=_first_end(state, view))
    if view.seat and at is not None and not lasts(state, record.job, view.seat, at):
        return Hindrance(view.name, Obstacle.TOO_LITTLE_TIME, until=view.seat.ends_at)
    return None


def _why_full(view: WorkerView, may_come: bool) -> str:
    """Say why a worker is full, where there is more to say: that jobs end may make no room."""
    if view.most is not None:
        return f"a user allows {view.most} slots' worth there"
    return told_left_alone(view) or ("" if may_come else "others have part of the GPUs that it needs")


def told_left_alone(view: WorkerView) -> str:
    """Name the GPUs of a worker that get no new jobs, with the reasons; "" for none."""
    return f"left alone is {'; '.join(view.left_alone)}" if view.left_alone else ""


def _first_end(state: RunState, view: WorkerView) -> float | None:
    """Return when the first attempt of a worker ends, as far as one can tell."""
    ends = (expected_end(state, state.jobs[job_id]) for job_id, _ in view.attempts)
    return min((end for end in ends if end is not None), default=None)


def expected_end(state: RunState, record: JobRecord) -> float | None:
    """Return when the attempt that runs ends, if it takes as long as others of its kind did."""
    seconds = state.expected_s(record.job)
    return record.started_at + seconds if record.started_at is not None and seconds else None
