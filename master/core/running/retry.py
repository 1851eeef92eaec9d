"""What follows a failed attempt, and many that are alike."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from master.core.planning.job_limits import most_of
from master.core.running import commands as cmd
from master.core.running.failures import exceeded, hopeless, signature
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.jobs import give_up, stop_starting
from master.core.running.lifecycle import ENDED, State, Trigger
from master.core.running.orders.halting import halt_addition
from master.core.running.placing.worker_room import cost, has_larger, need_of, suits
from master.core.running.policy import Policy
from master.core.running.records import JobRecord, Outbox, RunState
from worker_agent.protocol.outcome import Finished, Outcome

_THE_SCRIPTS = frozenset({Outcome.FAILED, Outcome.REFUSED, Outcome.OVER_LIMIT})
"""Ends that a script, or how it is started, is to blame for."""
_TELLING = frozenset({Outcome.FAILED, Outcome.OVER_LIMIT})
"""Ends whose last words may tell that another try at the same place is in vain."""


@dataclass(frozen=True)
class Verdict:
    """What becomes of a job whose attempt ended without success."""

    trigger: Trigger
    delay_s: float = 0.0
    note: str = ""


def judge(record: JobRecord, outcome: Outcome, policy: Policy) -> Verdict:
    """Return what becomes of the job; counts the attempt against the job's allowance of its kind."""
    if outcome is Outcome.LOST:
        record.losses += 1
        return _allowance(Trigger.LOSE, outcome, record.losses, policy.max_losses, 0.0)
    if outcome is Outcome.REQUEUE:
        record.requeues += 1
        return _allowance(Trigger.RETRY, outcome, record.requeues, policy.max_requeues, policy.backoff_s)
    if outcome is Outcome.EVICTED:
        record.evictions += 1
        return _allowance(Trigger.LOSE, outcome, record.evictions, policy.max_evictions, 0.0)
    if outcome is Outcome.OUT_OF_MEMORY and not record.alone:
        record.alone = True
        return Verdict(Trigger.RETRY, note="not enough GPU memory, gets a GPU of its own")
    if outcome is Outcome.WORKER_FAULT and record.false_starts > policy.max_false_starts:
        return Verdict(Trigger.FAIL, note=f"{outcome} {record.false_starts} times before it started")
    if outcome is Outcome.WORKER_FAULT:
        return _allowance(Trigger.RETRY, outcome, record.faults, policy.max_faults, 0.0)
    record.failures += 1
    delay_s = policy.backoff_s * 2.0 ** (record.failures - 1)
    return _allowance(Trigger.RETRY, outcome, record.failures, policy.retries, delay_s)


def _allowance(trigger: Trigger, what: Outcome, count: int, allowed: int, delay_s: float) -> Verdict:
    if count <= allowed:
        return Verdict(trigger, delay_s, what.value)
    return Verdict(Trigger.FAIL, note=f"{what} {count} times" if count > 1 else what.value)


def note_hopeless(state: RunState, record: JobRecord, finished: Finished | None) -> str:
    """Return why the worker of an attempt would fail again in the same way, and remember it; or nothing."""
    if finished is None or finished.outcome not in _TELLING or record.worker is None:
        return ""
    reason = hopeless(finished.exit_code, finished.stderr_tail, finished.error or "")
    if reason:
        record.hopeless[record.worker] = reason
        record.avoid |= _as_tight(state, record, reason)
        state.barred.add(record.job.job_id)
    return reason


def _as_tight(state: RunState, record: JobRecord, reason: str) -> frozenset[str]:
    """Return the workers that allow a job that is over a limit no more than the one where it failed."""
    key, failed = exceeded(reason), state.workers.get(record.worker or "")
    if not key or failed is None:
        return frozenset()
    asked = record.job.resources.limits
    most = most_of(key, asked, failed.limits)
    return frozenset(view.name for view in state.workers.values() if most_of(key, asked, view.limits) <= most)


def why_given_up(state: RunState, record: JobRecord, at: float) -> str:
    """Return why a job is hopeless for good; empty while there is a worker that may do better."""
    shared = [reason for reason, count in Counter(record.hopeless.values()).items() if count > 1]
    for_good = [reason for reason in shared if not _more_elsewhere(state, record, reason, at)]
    agreed = sorted(worker for worker, reason in record.hopeless.items() if reason in for_good)
    if agreed:
        return f"failed alike on {' and '.join(agreed)}"
    if any(_may_do(state, record, view, at) for view in state.workers.values()):
        return ""
    return "failed, and there is no other worker to try it on"


def _more_elsewhere(state: RunState, record: JobRecord, reason: str, at: float) -> bool:
    """True if a job is over a limit where it failed, and a worker that may do it allows it more."""
    key = exceeded(reason)
    if not key:
        return False
    asked, views = record.job.resources.limits, state.workers
    failed = [name for name, why in record.hopeless.items() if why == reason and name in views]
    most = max((most_of(key, asked, views[name].limits) for name in failed), default=math.inf)
    return any(
        most_of(key, asked, view.limits) > most and _may_do(state, record, view, at)
        for view in views.values()
    )


def _may_do(state: RunState, record: JobRecord, view: WorkerView, at: float) -> bool:
    """True if a worker will take the job sooner or later, as far as one can tell."""
    needs = record.job.resources
    if view.name in record.hopeless or not view.usable or not needs.labels <= view.labels:
        return False
    if not view.up:
        return not view.tried or at - view.since <= state.policy.lease_s
    fits = view.slots > 0 and cost(view, need_of(state, record, view), False, needs.gpus) is not None
    return fits and suits(needs, view) and not (record.alone and has_larger(state, view, needs))


def give_up_hopeless(state: RunState, out: Outbox) -> None:
    """Fail the ready jobs whose last worker that might have done better has gone."""
    for job_id in sorted(state.barred):
        record = state.jobs[job_id]
        if record.state in ENDED:
            state.barred.discard(job_id)
        elif record.state is State.READY and (why := why_given_up(state, record, out.at)):
            give_up(state, record, out, f"{why}: {next(reversed(record.hopeless.values()))}")


def note_failure(state: RunState, record: JobRecord, finished: Finished, out: Outbox) -> None:
    """Count a failure.  Once so many jobs have failed alike that the others would too, halt them."""
    if not state.policy.max_failures or finished.outcome not in _THE_SCRIPTS:
        return
    tail = "" if finished.outcome is Outcome.OVER_LIMIT else finished.stderr_tail
    alike, addition = signature(finished.exit_code, tail or finished.error or ""), record.job.addition
    failed = state.alike.setdefault((addition, alike), {})
    failed[record.job.job_id] = record.worker or ""
    halts = not state.halted and _tells_of_all(state, failed)
    count = "1 job" if len(failed) == 1 else f"{len(failed)} jobs"
    reason = f"{count} failed alike and none succeeded in between ({alike})"
    if halts and not addition:
        _halt(state, reason, out)
    for job_id in failed if state.halted or halts else ():
        if state.jobs[job_id].state is State.READY:
            give_up(state, state.jobs[job_id], out, state.jobs[job_id].note)
    if halts and addition:
        halt_addition(state, addition, reason, out)


def _tells_of_all(state: RunState, failed: Mapping[str, str]) -> bool:
    """True if so many have failed alike; a worker alone says nothing of the others."""
    several = len(set(failed.values())) > 1 or sum(view.available for view in state.workers.values()) < 2
    return len(failed) >= state.policy.max_failures and several


def _halt(state: RunState, reason: str, out: Outbox) -> None:
    state.halted = reason
    stop_starting(state, out)
    out.commands.append(cmd.Halt(reason))
