"""The state after a restart: the journal's transitions, applied to the plan of today."""

from __future__ import annotations

from collections.abc import Iterable

from master.core.commands import Transition
from master.core.lifecycle import ENDED, Trigger
from master.core.plan import Plan
from master.core.records import Policy, RunState, TaskRecord
from master.core.tasks import ON_A_WORKER


def recover(plan: Plan, policy: Policy, workers: list[str], journal: Iterable[Transition]) -> RunState:
    """Return the state that the journal tells.  Tasks that are no longer in the plan are passed over.

    Allowances (retries, losses) are not restored: giving the command again gives new tries.
    """
    state = RunState.fresh(plan, policy, workers)
    for transition in journal:
        if record := state.tasks.get(transition.task_id):
            _replay(state, record, transition)
    for record in state.tasks.values():
        view = state.workers.get(record.worker or "")
        if view and record.state in ON_A_WORKER:
            view.attempts.add(record.key)
    _count(state)
    return state


def _replay(state: RunState, record: TaskRecord, transition: Transition) -> None:
    if transition.trigger is Trigger.LOSE and transition.worker:
        record.given_up[transition.attempt] = transition.worker
    if transition.trigger is Trigger.ADOPT:
        record.given_up.pop(transition.attempt, None)
    record.state, record.attempt, record.worker = transition.state, transition.attempt, transition.worker
    record.attempts = max(record.attempts, transition.attempt)
    record.note = transition.note or record.note
    record.content_hash = transition.content_hash or record.content_hash
    record.history.append(f"{transition.trigger.value}#{transition.attempt}@{transition.worker}")
    if transition.detail is not None:
        record.finished = transition.detail
    if transition.trigger is Trigger.FINISH:
        state.learn_duration(record)


def _count(state: RunState) -> None:
    state.counts.clear()
    for record in state.tasks.values():
        state.counts[record.state] += 1
    state.open_phase1 = sum(r.task.phase == 1 and r.state not in ENDED for r in state.tasks.values())
