"""Jobs that wait on a worker while another has had room for seconds are taken back, for that one."""

from __future__ import annotations

from collections.abc import Iterator

from master.core.running import commands as cmd
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.lifecycle import State
from master.core.running.placing.worker_room import cost, has_room, need_of, suits
from master.core.running.records import JobRecord, Outbox, RunState

WAIT_S = 5.0
"""So long a worker has room, and a job waits elsewhere, before the job moves."""
MOST_MOVES = 3
"""Of one job: no more is gained where it does not find a place at all."""


def move_on(state: RunState, out: Outbox) -> None:
    """Withdraw as many waiting jobs as there are workers that have had room for long."""
    idle = list(_idle(state, out.at))
    if state.stopping or not idle:
        return
    for job_id in sorted(state.queued):
        record = state.jobs[job_id]
        target = next((view for view in idle if _gains(state, record, view, out.at)), None)
        if target is not None:
            idle.remove(target)
            record.moves += 1
            record.moved_from = record.worker
            out.commands.append(cmd.Withdraw(record.worker or "", *record.key))
        if not idle:
            return


def _idle(state: RunState, at: float) -> Iterator[WorkerView]:
    for view in state.workers.values():
        if len(state.ready) or not has_room(view, None, 1.0):
            view.idle_since = None
        elif view.idle_since is None:
            view.idle_since = at
        elif at - view.idle_since >= WAIT_S:
            yield view


def _gains(state: RunState, record: JobRecord, view: WorkerView, at: float) -> bool:
    """Return whether a job would run sooner on a worker that has room."""
    source = state.workers.get(record.worker or "")
    if source is None or not source.up or source is view or at - record.assigned_at < WAIT_S:
        return False
    if record.moves >= MOST_MOVES or record.alone or view.name in record.avoid | record.hopeless.keys():
        return False
    comes_sooner = record.state is State.ASSIGNED or record.job.needs in (None, *view.expected_models)
    fits = cost(view, need_of(state, record, view), False, record.job.resources.gpus) is not None
    return comes_sooner and fits and suits(record.job.resources, view)
