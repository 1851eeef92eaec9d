"""The limits of running attempts: how long one may take, and how long it may give no sign of life.  Pure."""

from __future__ import annotations

from typing import Optional

from worker_agent.core.state import Attempt, Sign
from worker_agent.protocol.outcome import Outcome


def begin(attempt: Attempt, now: float) -> None:
    """The attempt has started: its time runs."""
    attempt.started_at = attempt.active_at = now
    if attempt.launch.timeout_s is not None:
        attempt.deadline = now + attempt.launch.timeout_s


def on_sign(attempt: Attempt, sign: Sign, now: float) -> None:
    """Take in what its log and its progress file look like; a difference is a sign of life."""
    if sign != attempt.sign:
        attempt.sign, attempt.active_at = sign, now


def is_watched(attempt: Attempt) -> bool:
    """Return whether signs of life matter."""
    return attempt.launch.stall_timeout_s is not None and attempt.verdict is None


def due_at(attempt: Attempt) -> Optional[float]:
    """Return when a limit is reached if nothing happens until then; None for never."""
    if attempt.verdict is not None:
        return None
    return min((at for at in (attempt.deadline, _stalls_at(attempt)) if at is not None), default=None)


def verdict(attempt: Attempt, now: float) -> Optional[Outcome]:
    """Return which limit the attempt has reached, None for none."""
    stalls_at = _stalls_at(attempt)
    if attempt.deadline is not None and attempt.deadline <= now:
        return Outcome.TIMEOUT
    return Outcome.STALLED if stalls_at is not None and stalls_at <= now else None


def explain(attempt: Attempt) -> Optional[str]:
    """Return why the attempt was stopped, for the user; None where the user did it."""
    if attempt.verdict is Outcome.TIMEOUT:
        return f"stopped after {attempt.launch.timeout_s:g} s, its time limit"
    if attempt.verdict is Outcome.STALLED:
        return f"no log line and no progress for {attempt.launch.stall_timeout_s:g} s"
    return None


def _stalls_at(attempt: Attempt) -> Optional[float]:
    limit_s = attempt.launch.stall_timeout_s
    return None if limit_s is None or attempt.active_at is None else attempt.active_at + limit_s
