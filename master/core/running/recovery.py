"""The state after a restart: the journal's transitions, applied to the plan of today."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from master.core.planning.plan import BASE_MODELS, Job, Plan
from master.core.running.attempts import orphan
from master.core.running.checkpoints import note_left
from master.core.running.commands import Transition
from master.core.running.jobs import ON_A_WORKER, is_taken_back, note_pruning, note_start
from master.core.running.lifecycle import ENDED, FORGETTING, QUEUED, REMARKS, State, Trigger
from master.core.running.orders.order import Ordered
from master.core.running.orders.table import replay
from master.core.running.policy import Policy
from master.core.running.pruning.recovering import note_remark, take_up
from master.core.running.records import JobRecord, RunState

_GONE = "gone"
"""Stands for the content hash of a base model that has been made again since; no content hash is like it."""


def recover(
    plan: Plan,
    policy: Policy,
    workers: list[str],
    journal: Iterable[Transition],
    orders: Iterable[Ordered] = (),
) -> RunState:
    """Return the state that the journal tells.  Of jobs that are no longer in the plan, the attempts count.

    Allowances (retries, losses) are not restored: giving the command again gives new tries.
    """
    state = RunState.fresh(plan, policy, workers)
    others: dict[str, JobRecord] = {}
    for transition in journal:
        record = state.jobs.get(transition.job_id) or others.get(transition.job_id)
        if record is None:
            record = others[transition.job_id] = _outsider(transition.job_id)
        _replay(state, record, transition)
    state.retired = {job_id: record.attempts for job_id, record in others.items()}
    for record in state.jobs.values():
        _settle(state, record)
        take_up(state, record)
    _count(state)
    replay(state, orders)
    return state


def start_over(plan: Plan, policy: Policy, workers: list[str], journal: Iterable[Transition]) -> RunState:
    """Return the state in which every job is to be run, whatever a start before did.

    What still runs from such a start is no job of this one, so its workers are told to end it.  The numbers
    of its attempts are never used again.
    """
    state = RunState.fresh(replace(plan, jobs=()), policy, workers)
    state.plan = plan
    for transition in journal:
        before = state.retired.get(transition.job_id, 0)
        state.retired[transition.job_id] = max(before, transition.attempt)
    for job in plan.jobs:
        state.add_job(job)
    return state


def _outsider(job_id: str) -> JobRecord:
    """Return a record for a job that is not in the plan: a removed job, or a base model in the store."""
    kind, _, name = job_id.partition("/")
    makes = name if kind == BASE_MODELS else None
    return JobRecord(Job(job_id, phase=1 if makes else 2, makes=makes))


def _replay(state: RunState, record: JobRecord, transition: Transition) -> None:
    trigger = transition.trigger
    if trigger is Trigger.DROP:
        _drop(state, record, transition.dropped.attempt if transition.dropped else 0)
        return
    if trigger in REMARKS and transition.measured:
        note_remark(state, record, trigger, transition.measured)
    if trigger is Trigger.USER_CANCEL:
        _await_end(state, record)
    if trigger is Trigger.LOSE and transition.finished is None:
        orphan(record)
    if trigger is Trigger.ASSIGN:
        record.assigned_at, record.base, record.finished = transition.at, "", None
    if trigger is Trigger.ADOPT:
        lost = record.orphaned.pop(transition.attempt, None)
        record.base, record.finished = lost.base if lost else "", None
    if trigger in (Trigger.UNLOCK, Trigger.REDO):
        _redo(state, record)
    if trigger is Trigger.UNLOCK and record.state is not State.PENDING:
        record.orphaned.clear()  # it came anew: a start of the run had found it in the store
    _apply(record, transition)
    if trigger is Trigger.FINISH:
        record.note_success()
        state.learn(record)


def _await_end(state: RunState, record: JobRecord) -> None:
    """What a user cancels while it runs has an end to tell, until that is told."""
    view = state.workers.get(record.worker or "")
    if view and record.state in ON_A_WORKER and record.job.job_id in state.jobs:
        view.untold.add(record.key)


def _drop(state: RunState, record: JobRecord, attempt: int) -> None:
    record.orphaned.pop(attempt, None)
    for view in state.workers.values():
        view.untold.discard((record.job.job_id, attempt))


def _apply(record: JobRecord, transition: Transition) -> None:
    note_start(record, transition.trigger, transition.at, record.state)
    note_pruning(record, transition.trigger, record.state)
    record.state, record.attempt, record.worker = transition.state, transition.attempt, transition.worker
    record.attempts = max(record.attempts, transition.attempt)
    record.unbegun += is_taken_back(transition.trigger, transition.finished)
    record.note = transition.note or record.note
    if transition.trigger is Trigger.USER_CANCEL:
        record.cancelled_by = transition.note
    elif record.state is not State.CANCELLED:
        record.cancelled_by = ""
    if transition.trigger in FORGETTING:
        record.orphaned.clear()
    if transition.trigger is Trigger.COLLECT:
        record.collected, record.content_hash = transition.attempt, transition.content_hash
        record.unrecorded_successes.clear()
    if transition.finished is not None:
        record.finished = transition.finished
        note_left(record, transition.finished)
    record.history.append(f"{transition.trigger.value}#{transition.attempt}@{transition.worker}")


def _redo(state: RunState, record: JobRecord) -> None:
    """What was to start from a base model that is made (again) now must not."""
    if record.content_hash:
        state.damaged.add(record.content_hash)
    for job_id in state.dependents.get(record.job.makes or "", ()):
        if state.jobs[job_id].state in QUEUED:
            state.jobs[job_id].base = _GONE


def _settle(state: RunState, record: JobRecord) -> None:
    """Put the job's attempt where it belongs."""
    if not record.base and record.job.needs:
        record.base = state.home.get(record.job.needs, _GONE)
    view = state.workers.get(record.worker or "")
    if view and record.state in ON_A_WORKER:
        view.attempts.add(record.key)
    if view and record.state is State.COLLECTING:
        view.collecting.add(record.key)


def _count(state: RunState) -> None:
    state.damaged.difference_update(state.home.values())
    state.counts.clear()
    for record in state.jobs.values():
        state.counts[record.state] += 1
        if record.state in QUEUED:
            state.queued.add(record.job.job_id)
    state.open_jobs = sum(r.state not in ENDED for r in state.jobs.values())
    state.open_phase1 = sum(r.job.phase == 1 and r.state not in ENDED for r in state.jobs.values())
