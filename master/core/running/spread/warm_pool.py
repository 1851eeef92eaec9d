"""A worker that is about to run out of work is sent the base model of its next job while it still computes.

One at a time, and beside nothing that somebody waits for: who sends ahead of what is all but sure slows down
those who need something now.
"""

from __future__ import annotations

from collections.abc import Iterator

from master.core.running.fleet.worker_view import WorkerView
from master.core.running.placing.assigning import attempts_out, best_for, most_at_once
from master.core.running.records import RunState

EVERY_S = 1.0
"""Seconds between two looks."""
MOST_LOOKS = 16
"""Workers whose next job is looked for in one look: those that have room first."""
_AHEAD = 1.5
"""A base model is sent so many times as early as the slowest one took."""


def on_arrival(state: RunState, view: WorkerView, content_hash: str, at: float) -> None:
    """Learn how long a base model takes to a worker."""
    since = state.sent.pop((view.name, content_hash), None)
    if since is not None and content_hash in state.home.values():
        state.longest_send_s = max(state.longest_send_s, at - since)


def to_warm(state: RunState, at: float) -> Iterator[tuple[WorkerView, str]]:
    """Yield the worker that is to be sent something, and the `spec_hash` of what; mostly none."""
    if at < state.next_warming_at or not state.policy.warms or state.stopping or not len(state.ready):
        return
    state.next_warming_at = at + EVERY_S
    if not state.longest_send_s or any(view.delivering for view in state.workers.values()):
        return
    most = most_at_once(state)
    if most is not None and attempts_out(state) > most:
        return  # nothing starts where an attempt ends
    for view in _about_to_run_dry(state, at)[:MOST_LOOKS]:
        if spec_hash := _lacking(state, view, at):
            yield view, spec_hash
            return


def _about_to_run_dry(state: RunState, at: float) -> list[WorkerView]:
    """Return the workers that have room about as soon as a base model could be there, the next one first."""
    ahead_s = _AHEAD * state.longest_send_s + EVERY_S
    found = []
    for view in state.workers.values():
        if view.available and view.attempts and not (view.paused or view.hold or view.leaves or view.faults):
            left_s = _left_s(state, view, at)
            if left_s is not None and left_s <= ahead_s:
                found.append((left_s, view.number, view))
    return [view for *_, view in sorted(found, key=lambda item: item[:2])]


def _left_s(state: RunState, view: WorkerView, at: float) -> float | None:
    """Return the seconds until a slot of a worker is free; None where one is now, or nobody can tell."""
    if view.used < view.slots - view.held_by_others:
        return None
    ends = []
    for job_id, _ in view.attempts:
        record = state.jobs[job_id]
        expected_s = state.expected_s(record.job)
        if not expected_s or record.started_at is None:
            return None
        ends.append(record.started_at + expected_s - at)
    return max(0.0, min(ends))


def _lacking(state: RunState, view: WorkerView, at: float) -> str:
    """Return the base model of a worker's next job, where it lacks that and others will not take the job."""
    found = best_for(state, view, at)
    if found is None or found[0].needs is None:
        return ""
    job, spec_hash = found[0], found[0].needs
    if state.home.get(spec_hash, view.name) in {*view.cached, view.name}:
        return ""
    groups = state.ready.groups
    holders = (state.workers[name] for name in groups.holders(spec_hash) if name in state.workers)
    taken = job.most_together * sum(view.slots for view in holders)
    return spec_hash if groups.size(spec_hash) > taken else ""
