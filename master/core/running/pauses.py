"""Workers whose place is bad: paused for longer and longer, probed with one attempt, and used again.

    used ──▶ paused ──▶ probed ──▶ used
               ▲           │
               └───────────┘

What the place did costs no job a retry.
"""

from __future__ import annotations

from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.fleet.worker_view import WorkerView
from master.core.running.jobs import may_be_queued
from master.core.running.records import Outbox, RunState
from worker_agent.protocol.outcome import Finished, Outcome

FIRST_PAUSE_S, MOST_PAUSE_S = 5.0, 300.0
PROBATION_S = 60.0
"""A probe that has run for so long shows that the place is good."""
_SAYS_NOTHING = frozenset(
    {Outcome.SUCCEEDED, Outcome.WORKER_FAULT, Outcome.LOST, Outcome.EVICTED, Outcome.CANCELLED}
)
"""Ends that do not tell that the place is good: of a success that is told once its outcome is home."""


def pause(state: RunState, view: WorkerView, reason: str, out: Outbox) -> None:
    """Give a worker nothing for a while, longer each time, and take back what has not started."""
    view.fault = reason
    if not view.paused:
        _begin(view, reason, out)
    for key in sorted(view.attempts):
        if may_be_queued(state.jobs[key[0]]):
            out.commands.append(cmd.Withdraw(view.name, *key))


def _begin(view: WorkerView, reason: str, out: Outbox) -> None:
    if not view.faults:
        view.bad_since = out.at
    seconds = min(MOST_PAUSE_S, FIRST_PAUSE_S * 2.0**view.faults)
    view.faults += 1
    view.paused, view.paused_until = True, out.at + seconds
    view.probe = view.probed_since = None
    out.commands.append(cmd.Pause(view.name, reason, seconds))


def on_end(state: RunState, view: WorkerView, finished: Finished, out: Outbox) -> None:
    """Judge a worker by how an attempt there ended."""
    if finished.outcome is Outcome.WORKER_FAULT:
        pause(state, view, finished.error or "its place is bad", out)
    elif finished.outcome not in _SAYS_NOTHING:
        trust(state, view, out)


def on_start(view: WorkerView, key: ev.Attempt, at: float) -> None:
    """Note since when a probe runs."""
    if key == view.probe:
        view.probed_since = at


def on_tick(state: RunState, at: float, out: Outbox) -> None:
    """Let workers be probed whose pause is over, and used again whose probe has run for long."""
    for view in state.workers.values():
        if view.paused and at >= view.paused_until:
            view.paused = False
            state.free.add(view.name)
        if view.probed_since is not None and at - view.probed_since >= PROBATION_S:
            trust(state, view, out)


def trust(state: RunState, view: WorkerView, out: Outbox) -> None:
    """Use a worker as before, after something has shown that its place is good."""
    if not view.faults or view.paused:
        return
    view.faults, view.fault, view.probe, view.probed_since = 0, "", None, None
    state.free.add(view.name)
    out.commands.append(cmd.Resume(view.name))
