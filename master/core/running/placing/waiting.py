"""Ready jobs for which no worker is up: why they wait is told, once for as long as it is so."""

from __future__ import annotations

from master.core.planning.resources import NO_RESOURCES, Resources
from master.core.running import commands as cmd
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.placing.worker_room import told_labels
from master.core.running.records import Outbox, RunState

_MOST_NAMED = 3


def tell_waiting(state: RunState, out: Outbox) -> None:
    """Say of jobs that need labels why none of them starts, once all workers with these have been tried."""
    reasons = {needs: _why(state, needs) for needs in state.ready.resources if needs is not NO_RESOURCES}
    waiting = {needs: why for needs, why in reasons.items() if why}
    out.commands += [cmd.Tell(why) for needs, why in waiting.items() if needs not in state.waiting]
    state.waiting = frozenset(waiting)


def _why(state: RunState, needs: Resources) -> str:
    """Return why no worker with the labels takes a job now; "" where one does, or may any moment."""
    views = [view for view in state.workers.values() if needs.labels <= view.labels]
    if not needs.labels or any(_is_there(view) for view in views):
        return ""
    jobs = state.ready.resources[needs]
    if not views:
        return f"{_wait(jobs)} for a worker with {told_labels(needs)}, and the run has none any more"
    down = "; ".join(f"{view.name}: {view.trouble or 'down'}" for view in views[:_MOST_NAMED])
    more = f" and {len(views) - _MOST_NAMED} more" if len(views) > _MOST_NAMED else ""
    return f"{_wait(jobs)} for a worker with {told_labels(needs)}, and none is up ({down}{more})"


def _wait(jobs: int) -> str:
    return "1 job waits" if jobs == 1 else f"{jobs} jobs wait"


def _is_there(view: WorkerView) -> bool:
    return not view.tried or (view.available and not view.paused and not view.hold)
