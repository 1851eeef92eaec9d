"""What follows a failed attempt."""

from __future__ import annotations

from dataclasses import dataclass

from master.core.running.lifecycle import Trigger
from master.core.running.records import Policy, TaskRecord
from worker_agent.protocol.outcome import Outcome


@dataclass(frozen=True)
class Verdict:
    """What becomes of a task whose attempt ended without success."""

    trigger: Trigger
    delay_s: float = 0.0
    note: str = ""


def judge(record: TaskRecord, outcome: Outcome, policy: Policy) -> Verdict:
    """Return what becomes of the task; counts the attempt against the task's allowance of its kind."""
    if outcome is Outcome.LOST:
        record.losses += 1
        return _allowance(Trigger.LOSE, outcome, record.losses, policy.max_losses, 0.0)
    if outcome is Outcome.REQUEUE:
        record.requeues += 1
        return _allowance(Trigger.RETRY, outcome, record.requeues, policy.max_requeues, policy.backoff_s)
    if outcome is Outcome.OUT_OF_MEMORY and not record.alone:
        record.alone = True
        return Verdict(Trigger.RETRY, note="not enough GPU memory, gets a GPU of its own")
    record.failures += 1
    delay_s = policy.backoff_s * 2.0 ** (record.failures - 1)
    return _allowance(Trigger.RETRY, outcome, record.failures, policy.retries, delay_s)


def _allowance(trigger: Trigger, what: Outcome, count: int, allowed: int, delay_s: float) -> Verdict:
    if count <= allowed:
        return Verdict(trigger, delay_s, what.value)
    return Verdict(Trigger.FAIL, note=f"{what} {count} times" if count > 1 else what.value)
