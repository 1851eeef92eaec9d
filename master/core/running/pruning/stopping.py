"""Stops jobs that do worse than others like them, and lets them go on where they do not any more."""

from __future__ import annotations

from collections.abc import Callable

from master.core.running import commands as cmd
from master.core.running.commands import Measured, Transition
from master.core.running.jobs import current, leave, make_ready, move
from master.core.running.lifecycle import State, Trigger
from master.core.running.pruning.contests import Contests
from master.core.running.pruning.spoke import AttemptSpoke
from master.core.running.records import JobRecord, Outbox, RunState
from worker_agent.protocol.outcome import Finished

_IN_VAIN = frozenset({State.FAILED, State.CANCELLED, State.BLOCKED})
_DONE = frozenset({State.PRUNED, State.SUCCEEDED})


def on_spoke(state: RunState, event: AttemptSpoke, out: Outbox) -> None:
    """Take in how far an attempt has come, and end it where it does worse than others."""
    record, contests = current(state, event.worker, event.job_id, event.attempt), state.contests
    if contests is None or record is None or record.job.job_id not in contests:
        return
    if record.state is not State.RUNNING or record.pruned_at:
        return
    reached = contests.take(event.job_id, event.said)
    for measured in reached:
        _remark(record, Trigger.MEASURE, measured, out)
    if reached:
        _judge(state, contests, record, out)


def _judge(state: RunState, contests: Contests, record: JobRecord, out: Outbox) -> None:
    job_id = record.job.job_id
    contest = contests.of(job_id)
    verdict = None if record.is_spared else contest.verdict(job_id, _counts(state), _is_done(state))
    contest.let_pass(job_id, verdict.mark if verdict else None)
    if verdict is None or record.worker is None:
        return
    measured = record.pruned_at = contests.measured(verdict.mark, verdict.figure)
    about = "" if contest.has_told_of(job_id, verdict.mark) else "about "
    record.note = f"{measured.metric} {about}{measured.value:.6g} at {contests.spec.step} {measured.step:g} "
    record.note += verdict.reason
    _remark(record, Trigger.PRUNE, measured, out)
    out.commands.append(cmd.Cancel(record.worker, *record.key))


def _remark(record: JobRecord, trigger: Trigger, measured: Measured, out: Outbox) -> None:
    note = record.note if trigger is Trigger.PRUNE else ""
    key = out.at, record.job.job_id, trigger, record.state, record.attempt, record.worker
    out.remarks.append(Transition(*key, note=note, measured=measured))
    record.history.append(f"{trigger.value}#{record.attempt}@{record.worker}")


def _counts(state: RunState) -> Callable[[str], bool]:
    """Return what tells whether a job is compared: what has ended in vain takes nobody's place."""
    return lambda job_id: state.jobs[job_id].state not in _IN_VAIN


def _is_done(state: RunState) -> Callable[[str], bool]:
    return lambda job_id: state.jobs[job_id].state in _DONE


def shelve(state: RunState, record: JobRecord, out: Outbox, finished: Finished | None) -> None:
    """Let a job that was told to end have ended, however that came about: nothing of it is a failure."""
    leave(state, record)
    if finished is not None and finished.can_go_on:
        state.awaiting.add(record.job.job_id)
    move(state, record, Trigger.SHELVE, out, note=record.note, ended=finished)


def promote(state: RunState, out: Outbox) -> None:
    """Let go on who was stopped and does not do worse any more, from what it left to go on from."""
    contests = state.contests
    while contests and not state.cancelling and (contest := contests.next_to_look_at()):
        for job_id in list(contest.promoted(_is_stopped(state), _counts(state))):
            _promote(state, state.jobs[job_id], out)


def _is_stopped(state: RunState) -> Callable[[str], bool]:
    return lambda job_id: state.jobs[job_id].state is State.PRUNED


def _promote(state: RunState, record: JobRecord, out: Outbox) -> None:
    move(state, record, Trigger.PROMOTE, out, note="is among the best now")
    if record.job.job_id in state.awaiting:
        state.delay(record, out.at + state.policy.checkpoint_s)
    else:
        make_ready(state, record, out)


def tell_end(state: RunState, out: Outbox) -> None:
    """Say at the end of a run which jobs could not be compared, as they told nothing of what was asked."""
    if state.contests is None:
        return
    silent = [job_id for job_id in state.contests.silent() if state.jobs[job_id].state is State.SUCCEEDED]
    if silent:
        out.commands.append(cmd.Tell(state.contests.why_silent(silent)))
