"""What earlier starts of a run left: its state, results, base models, checkpoints; and what is left to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from master import steady_clock
from master.adapters.inbox import Inbox, Received
from master.code.code_history import CodeHistory, CodeStart
from master.core.running import events as ev
from master.core.running.commands import Transition
from master.core.running.events import Attempt
from master.core.running.lifecycle import State, Trigger
from master.core.running.orders.order import Ordered
from master.core.running.records import RunState
from master.core.running.recovery import recover, start_over
from master.core.running.seating.pools import take_pools
from master.runs.spec import RunSpec
from master.storage.base_model_store import BaseModelStore
from master.storage.checkpoint_store import CheckpointStore
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from master.transfers.published_attempt import find_published_attempt

_MOST_NOTES = 5


def state_after(spec: RunSpec, journal: Iterable[Transition], orders: Iterable[Ordered]) -> RunState:
    """Return the state in which a run begins, given what its journal tells."""
    workers = [server.name for server in spec.cluster.servers]
    if spec.resumes:
        state = recover(spec.plan, spec.policy, workers, journal, orders)
    else:
        state = start_over(spec.plan, spec.policy, workers, journal)
    if spec.retries_cancelled:
        for record in state.jobs.values():
            record.cancelled_by = ""
    for server in spec.cluster.servers:
        view = state.workers[server.name]
        view.labels, view.limits = frozenset(server.labels), server.limits
        state.any_limits |= bool(server.limits)
    take_pools(state, spec.cluster)
    return state


def code_history(journal: Journal, start: CodeStart) -> CodeHistory:
    """Remember the code of this start, and return which attempts of earlier ones had other code."""
    known = ((after, CodeStart.from_json(value)) for after, value in journal.remember_code(start.as_json()))
    starts = [(after, found) for after, found in known if found]
    if len(starts) == 1 and starts[0][0] == 0:
        return CodeHistory(start)
    former: dict[Attempt, CodeStart | None] = {}
    for number, transition in enumerate(journal.transitions(), 1):
        if transition.trigger is Trigger.ASSIGN:
            used = [found for after, found in starts if after < number]
            former[transition.job_id, transition.attempt] = used[-1] if used else None
    return CodeHistory(start, former)


def find_published(state: RunState, layout: RunLayout, inbox: Inbox) -> None:
    """Finish what a master did that went down after it had published a result and before it could say so."""
    for job_id, record in state.jobs.items():
        if record.unrecorded_successes and (
            ours := find_published_attempt(layout.result(job_id), record.outcomes)
        ):
            inbox.put(Received(ev.Collected(steady_clock.now(), job_id, *ours)))


def find_checkpoints(layout: RunLayout, state: RunState, inbox: Inbox) -> CheckpointStore:
    """Return the checkpoints that earlier attempts left, those of jobs that have succeeded deleted."""
    checkpoints = CheckpointStore(layout)
    for job_id, record in state.jobs.items():
        found = checkpoints.newest(job_id)
        if found and record.state is State.SUCCEEDED:
            checkpoints.drop(job_id)
        elif found:
            inbox.put(Received(ev.CheckpointSettled(steady_clock.now(), job_id, found.attempt)))
    return checkpoints


def missing_results(state: RunState, layout: RunLayout) -> Iterator[str]:
    """Tell of results that somebody has removed: what succeeded is not run again."""
    gone = [
        record.job.job_id
        for record in state.jobs.values()
        if record.state is State.SUCCEEDED and record.finished and record.finished.files
        if not layout.result(record.job.job_id).exists()
    ]
    for job_id in gone[:_MOST_NOTES]:
        advice = "give it another id or prefix to run it again"
        yield f"{job_id} succeeded earlier and its result is gone; {advice}"
    if len(gone) > _MOST_NOTES:
        yield f"… and the results of {len(gone) - _MOST_NOTES} more jobs are gone"


@dataclass(frozen=True)
class Damaged:
    """A base model of the store that is damaged when a start begins."""

    spec: RunSpec
    state: RunState
    store: BaseModelStore
    spec_hash: str
    problem: str

    @property
    def content_hash(self) -> str:
        """What it was, where that is known; empty elsewhere."""
        return str(self.spec.in_store.get(self.spec_hash, {}).get("content_hash", ""))

    @property
    def is_needed(self) -> bool:
        """Whether a job has still to start from it."""
        dependents = self.state.dependents.get(self.spec_hash, ())
        return any(self.state.jobs[job_id].state is not State.SUCCEEDED for job_id in dependents)

    @property
    def is_sought(self) -> bool:
        """Whether it is looked for on the workers, which may have it whole."""
        return self.is_needed and bool(self.content_hash)

    def said(self) -> str:
        """Set it aside, unless what becomes of it is to be seen; return what to tell the user."""
        if self.is_sought:
            return f"{self.problem}; it is fetched from a worker that has it whole, or trained again"
        then = "it is trained again" if self.is_needed else "no job needs it any more"
        return f"{self.problem}; moved to {self.store.set_aside(self.spec_hash)}, {then}"


def kept_cancelled(state: RunState) -> Iterator[str]:
    """Tell of jobs that users cancelled in earlier starts: they are not run again by themselves."""
    if kept := [job_id for job_id, record in state.jobs.items() if record.cancelled_by]:
        which = kept[0] if len(kept) == 1 else f"{kept[0]} and {len(kept) - 1} more"
        stays = "stays" if len(kept) == 1 else "stay"
        again = "`twophase retry` or --retry-cancelled tries again"
        yield f"{which} {stays} cancelled, as ordered earlier; {again}"
