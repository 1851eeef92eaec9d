"""Gives ready jobs to workers with room, and refuses those that no machine will ever run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

from master.core.planning.plan import Job
from master.core.running import commands as cmd
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.jobs import expect_model, give_up, move
from master.core.running.lifecycle import Trigger
from master.core.running.placing.grouping import mates_of
from master.core.running.placing.worker_room import (
    cost,
    has_larger,
    has_machine_room,
    has_room,
    largest_gpu,
    may_have_room,
    need_of,
    suits,
    too_large,
    why_homeless,
)
from master.core.running.records import JobRecord, Outbox, RunState
from master.core.running.seating.lasting import lasts

MOST_AT_ONCE = 8
"""Attempts that one step gives out: what more there is waits for the next, behind what came meanwhile."""


def place(state: RunState, out: Outbox) -> None:
    """Give ready jobs to workers with room, the emptiest worker first."""
    state.more_to_place = False
    if state.stopping or not len(state.ready):
        return
    if state.free.are_none(state.ready.added):
        return
    state.mean_s = state.mean_duration_s()
    state.free.look_at(state.ready.added)
    given = 0
    while len(state.ready) and may_start_more(state) and (name := state.free.emptiest()) is not None:
        if given == MOST_AT_ONCE:
            state.more_to_place = True
            return
        view = state.workers[name]
        job = _choose(state, view, out.at)
        if job is None:
            state.free.rest(name)
        else:
            _give(state, state.jobs[job.job_id], view, out)
            state.free.add(name)
            given += 1


def may_start_more(state: RunState) -> bool:
    """True while fewer attempts are out than the user allows."""
    most = most_at_once(state)
    return most is None or attempts_out(state) < most


def most_at_once(state: RunState) -> int | None:
    """Return how many attempts may be out, by how the run was started and by what was ordered since."""
    allowed, ordered = state.policy.max_running, state.at_once
    if allowed is None or ordered is None:
        return ordered if allowed is None else allowed
    return min(allowed, ordered)


def attempts_out(state: RunState) -> int:
    """Return how many attempts are out."""
    return sum(len(view.attempts | view.reattached) for view in state.workers.values())


def _choose(state: RunState, view: WorkerView, at: float) -> Job | None:
    """Return the best job for a worker; None where there is none, or it has to wait for more room there."""
    found = best_for(state, view, at)
    if found is None:
        return None
    job, claim = found
    fits_now = has_room(view, state.mean_s, claim) and has_machine_room(state, job.resources, view)
    return job if fits_now else None


def best_for(state: RunState, view: WorkerView, at: float) -> tuple[Job, float] | None:
    """Return the job that a worker gets next, and how many slots' worth that takes; None for none."""
    fits = partial(_fits, state, view) if view.seat is None else partial(_fits_seat, state, view, at)
    for job in state.ready.candidates(view.name, state.expected_s, fits):
        record = state.jobs[job.job_id]
        if view.name in record.hopeless:
            continue
        if view.name in record.avoid and has_alternative(state, record):
            continue
        if view.name == record.moved_from and _has_room_elsewhere(state, record):
            continue
        if job.makes and job.needs and _is_better_elsewhere(state, record, view, at):
            continue
        if record.alone and has_larger(state, view, job.resources):
            continue
        claim = cost(view, need_of(state, record, view), record.alone, job.resources.gpus)
        if record.alone and not may_have_room(view, claim or 1.0, job.resources.gpus):
            continue
        return job, claim or 1.0
    return None


def _fits(state: RunState, view: WorkerView, job: Job) -> bool:
    gpus = job.resources.gpus
    claim = cost(view, need_of(state, state.jobs[job.job_id], view), False, gpus)
    return claim is not None and may_have_room(view, claim, gpus) and suits(job.resources, view)


def _fits_seat(state: RunState, view: WorkerView, at: float, job: Job) -> bool:
    return (view.seat is None or lasts(state, job, view.seat, at)) and _fits(state, view, job)


def refuse_too_large(state: RunState, out: Outbox) -> None:
    """Fail the jobs that say that they need more GPU memory than any GPU has."""
    most = max(state.ready.gpu_bytes, default=0)
    largest = largest_gpu(state.workers.values(), out.at, state.policy.lease_s) if most else None
    if largest is None or most <= largest[0] or _may_be_replaced(state, out.at):
        return
    size, worker = largest
    for job in state.ready.larger_than(size):
        give_up(state, state.jobs[job.job_id], out, too_large(job.gpu_bytes or 0, size, worker))


def refuse_homeless(state: RunState, out: Outbox) -> None:
    """Fail the jobs that need what no machine has, or none that is left."""
    patience_s = max(state.policy.give_up_s, state.policy.lease_s)
    restricting = [needs for needs in state.ready.resources if needs.restrict]
    for needs in () if restricting and _may_be_replaced(state, out.at) else restricting:
        why = why_homeless(needs, state.workers.values(), out.at, patience_s)
        for job in state.ready.with_resources(needs) if why else ():
            give_up(state, state.jobs[job.job_id], out, why)


def _may_be_replaced(state: RunState, at: float) -> bool:
    """True while a worker leaves, or has left a short time ago: another like it may be added in its place."""
    if any(view.leaves for view in state.workers.values()):
        return True
    return bool(state.removed) and at - state.left_at < state.policy.give_up_s


def has_alternative(state: RunState, record: JobRecord) -> bool:
    """True if a good worker that is not to be avoided will have room for the job sooner or later."""
    return any(
        view.available
        and not view.faults
        and not view.hold
        and view.slots > view.held_by_others
        and _may_do(state, record, view)
        for view in state.workers.values()
    )


def _is_better_elsewhere(state: RunState, record: JobRecord, view: WorkerView, at: float) -> bool:
    """True for what starts from a base model that a worker lacks, and another that takes it now has."""
    job = record.job
    if state.ready.trainings.is_near(view.name, job):
        return False
    return any(
        state.ready.trainings.is_near(other.name, job)
        and other.name != record.moved_from
        and has_room(other, state.mean_s, 1.0)
        and has_machine_room(state, job.resources, other)
        and _may_do(state, record, other)
        and _fits_seat(state, other, at, job)
        for other in state.workers.values()
    )


def _has_room_elsewhere(state: RunState, record: JobRecord) -> bool:
    """True if a worker has room now that the job was not taken from."""
    return any(
        has_room(view, state.mean_s, 1.0) and view.name != record.moved_from and _may_do(state, record, view)
        for view in state.workers.values()
    )


def _may_do(state: RunState, record: JobRecord, view: WorkerView) -> bool:
    """Return whether a worker is a machine for a job, which has not failed there."""
    if view.name in record.avoid or view.name in record.hopeless:
        return False
    gpus = record.job.resources.gpus
    fits = cost(view, need_of(state, record, view), record.alone, gpus) is not None
    return fits and suits(record.job.resources, view)


def _give(state: RunState, record: JobRecord, view: WorkerView, out: Outbox) -> None:
    """Give a worker a job, and with it what trains at once with it."""
    most = most_at_once(state)
    mates = mates_of(state, record, view, math.inf if most is None else most - attempts_out(state))
    if not mates:
        _assign(state, record, view, out)
        out.commands.append(cmd.StartAttempt(view.name, *record.key))
        return
    members, group = [record, *mates], f"{record.job.job_id}#{record.attempts + 1}"
    for member in members:
        _assign(state, member, view, out, _Share(group, len(members), member is record))
    out.commands.append(cmd.StartGroup(view.name, tuple(member.key for member in members)))


@dataclass(frozen=True)
class _Share:
    """What an attempt has of its group."""

    group: str = ""
    together: int = 1
    takes_room: bool = True
    """One of a group takes the room of all."""


_ALONE = _Share()


def _assign(
    state: RunState, record: JobRecord, view: WorkerView, out: Outbox, share: _Share = _ALONE
) -> None:
    record.attempts += 1
    record.attempt, record.worker, record.finished = record.attempts, view.name, None
    record.assigned_at, record.moved_from = out.at, None
    record.base = state.home[record.job.needs] if record.job.needs else ""
    need, gpus = need_of(state, record, view), record.job.resources.gpus
    record.group, record.gpu_need = share.group, need and need * share.together
    claim = cost(view, record.gpu_need, record.alone, gpus) if share.takes_room else 0.0
    move(state, record, Trigger.ASSIGN, out)
    view.attempts.add(record.key)
    if claim is not None and claim != 1.0:
        view.claims[record.key] = claim
    if view.faults:
        view.probe = record.key
    expect_model(state, view, record.job.needs)
