"""Moves of single jobs, shared by all handlers of events."""

from __future__ import annotations

from collections.abc import Iterable

from master.core.planning.plan import base_model_job_id
from master.core.running import commands as cmd
from master.core.running.commands import Transition
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.lifecycle import ADOPTING, QUEUED, SPARING, WITH_A_WORKER, State, Trigger
from master.core.running.records import JobRecord, Outbox, RunState
from worker_agent.protocol.outcome import Finished

ON_A_WORKER = WITH_A_WORKER - {State.COLLECTING}
"""States in which the attempt has not ended."""
_TELLING = frozenset({Trigger.ADOPT, Trigger.DROP, Trigger.USER_CANCEL})
"""What is remembered even where a job's state stays what it was."""
_MOST_UNLOCKED = 8
_MOST_FORGOTTEN = 1000
"""More attempts at a job than a journal can have lost: who says that there were is not believed."""


def move(
    state: RunState,
    record: JobRecord,
    trigger: Trigger,
    out: Outbox,
    *,
    note: str = "",
    ended: Finished | cmd.Dropped | None = None,
) -> None:
    """Change a job's state, and remember it if it is another one now, or another attempt counts."""
    before, reattached = record.state, reattached_attempts(state, record) if record.orphaned else []
    state.move(record, trigger)
    record.unbegun += is_taken_back(trigger, ended)
    record.note = note or record.note
    note_start(record, trigger, out.at, before)
    note_pruning(record, trigger, before)
    if record.state not in ADOPTING:
        for worker, attempt in reattached:
            state.workers[worker].reattached.discard((record.job.job_id, attempt))
            out.commands.append(cmd.Cancel(worker, record.job.job_id, attempt))
    if record.state is before and trigger not in _TELLING:
        return
    out.transitions.append(
        Transition(
            *(out.at, record.job.job_id, trigger, record.state, record.attempt, record.worker),
            note=note,
            finished=ended if isinstance(ended, Finished) else None,
            content_hash=record.content_hash if trigger is Trigger.COLLECT else "",
            dropped=ended if isinstance(ended, cmd.Dropped) else None,
        )
    )


def is_taken_back(trigger: Trigger, ended: Finished | cmd.Dropped | None) -> bool:
    """True where an attempt does not count, for it had not begun."""
    return trigger is Trigger.WITHDRAW and ended is None


def note_start(record: JobRecord, trigger: Trigger, at: float, before: State) -> None:
    """Remember since when an attempt runs; of one that is adopted that is not known."""
    if trigger is Trigger.ADOPT:
        record.started_at = None
    elif trigger is Trigger.START and before is not State.RUNNING:
        record.started_at = at


def note_pruning(record: JobRecord, trigger: Trigger, before: State) -> None:
    """Remember what becomes of a job that was to end as it does worse than others: its user may spare it."""
    record.is_spared |= trigger is Trigger.REVIVE and before is State.PRUNED
    if trigger in SPARING:
        record.pruned_at = None


def reattached_attempts(state: RunState, record: JobRecord) -> list[tuple[str, int]]:
    """Return worker and number of the orphaned attempts that are on a connected worker again."""
    return [
        (lost.worker, attempt)
        for attempt, lost in record.orphaned.items()
        if lost.worker in state.workers
        and (record.job.job_id, attempt) in state.workers[lost.worker].reattached
    ]


def unlock(state: RunState, record: JobRecord, out: Outbox) -> None:
    """Make a pending job ready if all that it waits for is home."""
    held_back = state.policy.strict_phases and record.job.phase == 2 and state.open_phase1
    if not held_back and not lacks_base(state, record):
        move(state, record, Trigger.UNLOCK, out)
        put_in_line(state, record, out)


def put_in_line(state: RunState, record: JobRecord, out: Outbox) -> None:
    """Queue a job that is ready, once what it left to go on from is home."""
    if record.job.job_id in state.awaiting:
        state.delay(record, out.at + state.policy.checkpoint_s)
    else:
        state.ready.add(record.job, again=comes_again(record))


def comes_again(record: JobRecord) -> bool:
    """True for a job that was taken from its worker, or is retried: it goes before fresh ones that are alike.

    One that failed, was lost or asks for another try goes behind them: they tell whether it was the job or
    its place, and no worker has to pass over many.
    """
    troubles = record.failures + record.losses + record.evictions + record.requeues
    faults = record.faults + record.false_starts + record.collect_faults
    return record.attempts > 0 and not (troubles or faults or record.avoid or record.hopeless)


def make_ready(state: RunState, record: JobRecord, out: Outbox) -> None:
    """Queue a job that is ready, or lock it again if its base model has gone meanwhile."""
    if not lacks_base(state, record):
        state.ready.add(record.job, again=comes_again(record))
        return
    move(state, record, Trigger.LOCK, out)
    _block_in_vain(state, record, out)


def _block_in_vain(state: RunState, record: JobRecord, out: Outbox) -> bool:
    """Block a job where training its base model has ended without one, and what waits for it in turn."""
    base = base_of(state, record)
    why = _in_vain(base) if base else ""
    if why:
        move(state, record, Trigger.BLOCK, out, note=why)
        after_phase1(state, record, out)
    return bool(why)


def base_of(state: RunState, record: JobRecord) -> JobRecord | None:
    """Return the job that trains what a job starts from; None where the run has none."""
    return state.jobs.get(base_model_job_id(record.job.needs)) if record.job.needs else None


def base_in_vain(state: RunState, base: JobRecord) -> JobRecord | None:
    """Return why a base model is trained no more: itself or an ancestor that has ended in vain; or None."""
    above = base_of(state, base) if base.state is State.BLOCKED else None
    if above and (found := base_in_vain(state, above)):
        return found
    return base if base.state in (State.FAILED, State.CANCELLED, State.BLOCKED) else None


def _in_vain(base: JobRecord) -> str:
    """Say which base model there is not, its own or an ancestor; empty where there may be one."""
    if base.cancelled_by:
        return f"its base model {base.job.makes} was cancelled {base.cancelled_by}"
    if base.state is State.BLOCKED:
        return base.note
    return f"its base model {base.job.makes} failed" if base.state is State.FAILED else ""


def lacks_base(state: RunState, record: JobRecord) -> bool:
    """True while the base model that the job starts from is not home."""
    return record.job.needs is not None and record.job.needs not in state.home


def is_stale(state: RunState, record: JobRecord) -> bool:
    """True for an attempt that was to start from a base model that is not the one at home."""
    return record.job.needs is not None and record.base != state.home.get(record.job.needs)


def may_be_queued(record: JobRecord) -> bool:
    """True for an attempt that its worker has perhaps not started: nobody knows of one that is adopted."""
    return record.state in QUEUED or (record.state is State.RUNNING and record.started_at is None)


def current(state: RunState, worker: str, job_id: str, attempt: int) -> JobRecord | None:
    """Return the job if this is its current attempt and it has not ended."""
    record = state.jobs.get(job_id)
    if record and (record.worker, record.attempt) == (worker, attempt) and record.state in WITH_A_WORKER:
        return record
    return None


def leave(state: RunState, record: JobRecord) -> None:
    """The current attempt no longer takes a place on its worker."""
    if view := state.workers.get(record.worker or ""):
        key = record.key
        view.collecting.discard(key)
        if key in view.attempts:
            view.attempts.discard(key)
            claim = view.claims.pop(key, 1.0)
            if record.group:
                _pass_on(state, view, record.group, claim)
            if key == view.probe:
                view.probe = view.probed_since = None
            state.free.add(view.name)


def _pass_on(state: RunState, view: WorkerView, group: str, claim: float) -> None:
    """Let another of a group take the room that one of it had: the last that leaves gives it back."""
    mate = next((key for key in view.attempts if claim and state.jobs[key[0]].group == group), None)
    if mate is not None:
        view.claims[mate] = claim


def finish(state: RunState, record: JobRecord, finished: Finished, out: Outbox) -> None:
    """The current attempt succeeded on its worker: bring the outcome home."""
    assert record.worker is not None
    leave(state, record)
    state.workers[record.worker].collecting.add(record.key)
    record.finished = finished
    state.learn(record)
    state.forget_alike(record.job.addition)
    move(state, record, Trigger.FINISH, out, ended=finished)
    record.note_success()
    out.commands.append(collecting(record))


def collecting(record: JobRecord) -> cmd.Collect:
    """Return the command that brings the outcome of the current attempt home."""
    assert record.finished is not None
    others = {attempt: end for attempt, end in record.outcomes.items() if attempt != record.attempt}
    return cmd.Collect(record.worker or "", *record.key, record.finished, others)


def after_phase1(state: RunState, record: JobRecord, out: Outbox) -> None:
    """A job ended: if it was to make a base model, its dependents go on, or are blocked."""
    if record.job.makes is None:
        return
    state.unlocking += state.dependents.get(record.job.makes, ())
    if state.policy.strict_phases and not state.open_phase1:
        state.unlocking += (job_id for job_id, other in state.jobs.items() if other.state is State.PENDING)


def blocked_by(state: RunState, record: JobRecord) -> list[JobRecord]:
    """Return the jobs that are blocked because there is no base model from this job, nearer ones first."""
    found = [record]
    for each in found:
        dependents = (state.jobs[job_id] for job_id in state.dependents.get(each.job.makes or "", ()))
        found += (dependent for dependent in dependents if dependent.state is State.BLOCKED)
    return found[1:]


def revive(state: RunState, records: Iterable[JobRecord], out: Outbox, note: str = "") -> None:
    """Let jobs that have ended in vain go on: they start, wait or are blocked, as their base models stand."""
    for record in records:
        move(state, record, Trigger.REVIVE, out, note=note)
        state.unlocking.append(record.job.job_id)


def go_on_unlocking(state: RunState, out: Outbox) -> None:
    """Let some of the jobs go on whose base model has ended: all at once may be a hundred thousand."""
    for _ in range(_MOST_UNLOCKED):
        if not state.unlocking:
            return
        record = state.jobs[state.unlocking.popleft()]
        if record.state is not State.PENDING:
            continue
        if not _block_in_vain(state, record, out):
            unlock(state, record, out)


def give_no_number_twice(record: JobRecord, attempt: int) -> None:
    """Number a job's next attempts after one of a history that the journal has lost.

    What that one did is not taken for theirs.  Raises ValueError for a number that cannot be.
    """
    if attempt > record.attempts + _MOST_FORGOTTEN:
        raise ValueError(f"{record.job.job_id} has no attempt {attempt}, the last one is {record.attempts}")
    record.attempts = max(record.attempts, attempt)


def give_up(state: RunState, record: JobRecord, out: Outbox, note: str) -> None:
    """Fail a job that no worker has."""
    move(state, record, Trigger.FAIL, out, note=note)
    after_phase1(state, record, out)


def stop_starting(state: RunState, out: Outbox) -> None:
    """Give nothing more out, and take back what has not started."""
    state.stopping = True
    for view in state.workers.values():
        for key in sorted(view.attempts):
            if may_be_queued(state.jobs[key[0]]):
                out.commands.append(cmd.Withdraw(view.name, *key))


def expect_model(state: RunState, view: WorkerView, spec_hash: str | None) -> None:
    """Note that a worker has a base model, or will have it soon."""
    if spec_hash is not None and spec_hash not in view.expected_models:
        view.expected_models[spec_hash] = None
        state.ready.hold(view.name, spec_hash)
