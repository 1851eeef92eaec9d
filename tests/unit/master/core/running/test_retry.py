"""What follows a failed attempt."""

from __future__ import annotations

import pytest

from master.core.planning.plan import Task
from master.core.running.lifecycle import Trigger
from master.core.running.records import Policy, TaskRecord
from master.core.running.retry import Verdict, judge
from worker_agent.protocol.outcome import Outcome

POLICY = Policy(retries=2, backoff_s=5.0, max_losses=2, max_requeues=2)

CASES = {
    "failed": [
        Verdict(Trigger.RETRY, 5.0, "failed"),
        Verdict(Trigger.RETRY, 10.0, "failed"),
        Verdict(Trigger.FAIL, 0.0, "failed 3 times"),
    ],
    "timeout": [
        Verdict(Trigger.RETRY, 5.0, "timeout"),
        Verdict(Trigger.RETRY, 10.0, "timeout"),
        Verdict(Trigger.FAIL, 0.0, "timeout 3 times"),
    ],
    "refused": [
        Verdict(Trigger.RETRY, 5.0, "refused"),
        Verdict(Trigger.RETRY, 10.0, "refused"),
        Verdict(Trigger.FAIL, 0.0, "refused 3 times"),
    ],
    "lost": [
        Verdict(Trigger.LOSE, 0.0, "lost"),
        Verdict(Trigger.LOSE, 0.0, "lost"),
        Verdict(Trigger.FAIL, 0.0, "lost 3 times"),
    ],
    "requeue": [
        Verdict(Trigger.RETRY, 5.0, "requeue"),
        Verdict(Trigger.RETRY, 5.0, "requeue"),
        Verdict(Trigger.FAIL, 0.0, "requeue 3 times"),
    ],
}


@pytest.mark.parametrize("outcome", CASES)
def test_each_kind_of_end_has_its_own_allowance(outcome: str) -> None:
    record = TaskRecord(Task("a/b", phase=2))
    assert [judge(record, Outcome(outcome), POLICY) for _ in range(3)] == CASES[outcome]


def test_losses_and_requeues_are_no_failures() -> None:
    record = TaskRecord(Task("a/b", phase=2))
    for outcome in ("lost", "requeue", "lost", "requeue"):
        judge(record, Outcome(outcome), POLICY)
    assert judge(record, Outcome.FAILED, POLICY) == Verdict(Trigger.RETRY, 5.0, "failed")


def test_without_retries_the_first_failure_is_final() -> None:
    record = TaskRecord(Task("a/b", phase=2))
    assert judge(record, Outcome.FAILED, Policy(retries=0)) == Verdict(Trigger.FAIL, 0.0, "failed")
