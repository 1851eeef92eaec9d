"""Whether a job still fits into what is left of a seat's allocation: a pure choice."""

from __future__ import annotations

from master.core.planning.plan import Job
from master.core.running.fleet.seats import Seat
from master.core.running.records import RunState

DRAINED_S = 120.0
"""An agent begins nothing so shortly before the end of its allocation, and ends what runs …"""
_MOST_DRAINED = 0.25
"""… but not in more than this share of a short one."""
_LEARNED = 1.1
"""The next job of a kind may take longer than the mean of those before it."""
_UNKNOWN = 0.25
"""A job of which nobody knows how long it takes begins while so much of the time is left."""
_FRESH, _FRESH_S = 0.1, 30.0
"""An allocation is fresh for this share of its time, and at least for so many seconds."""


def lasts(state: RunState, job: Job, seat: Seat, at: float) -> bool:
    """Return whether a job may begin on a seat: it ends in time, as far as one can tell.

    A fresh allocation takes every job: one that is longer goes on from its checkpoint in the next, and there
    is nothing better to wait for.
    """
    if seat.ends_at is None or seat.up_at is None or is_fresh(seat, at):
        return True
    whole_s = seat.ends_at - seat.up_at
    left_s = seat.ends_at - at - min(DRAINED_S, _MOST_DRAINED * whole_s)
    needed_s = needed(state, job)
    return left_s >= (_UNKNOWN * whole_s if needed_s is None else needed_s)


def is_fresh(seat: Seat, at: float) -> bool:
    """True at the beginning of an allocation: a new one would not have much more time left."""
    if seat.ends_at is None or seat.up_at is None:
        return True
    return at - seat.up_at <= max(_FRESH_S, _FRESH * (seat.ends_at - seat.up_at))


def needed(state: RunState, job: Job) -> float | None:
    """Return how many seconds a job takes, None where that is not known.

    What its user says counts; then the mean of its kind; then the time after which it is ended.
    """
    learned_s = state.expected_s(job)
    if job.expected_s is None:
        learned_s *= _LEARNED
    known = [seconds for seconds in (learned_s, job.timeout_s) if seconds]
    return min(known) if known else None
