"""The limits of running attempts: how long one may take, and how long it may give no sign of life.  Pure."""

from __future__ import annotations

from typing import Iterable, Optional

from worker_agent.core.state import Attempt, Sign
from worker_agent.protocol.outcome import Outcome


def begin(attempt: Attempt, now: float, sharing: int = 1) -> None:
    """The attempt has started: its time runs, one of `sharing` parts of the slot's."""
    attempt.started_at = attempt.active_at = now
    attempt.sharing = attempt.together = sharing
    if attempt.launch.timeout_s is not None:
        attempt.deadline = now + attempt.launch.timeout_s * sharing


def share(attempt: Attempt, sharing: int, now: float) -> None:
    """From now on the attempt has one of `sharing` parts of its slot's time.

    Whether those that left took turns with it or trained beside it is not known, so none of its time may have
    passed: those that are left need at most all of theirs.
    """
    factor = sharing / attempt.sharing
    if attempt.deadline is not None and attempt.launch.timeout_s is not None:
        attempt.deadline = min(attempt.deadline, now + attempt.launch.timeout_s * sharing)
    if attempt.active_at is not None:
        attempt.active_at = now - (now - attempt.active_at) * factor
    attempt.sharing = sharing


def on_sign(attempt: Attempt, sign: Sign, now: float, mates: Iterable[Attempt] = ()) -> None:
    """Take in what its log and its progress file look like; a difference is a sign of life.

    It is one of its `mates`, too: one that waits for its turn in their loop has nothing to say.
    """
    if sign != attempt.sign:
        attempt.sign = sign
        for one in (attempt, *mates):
            one.active_at = now


def is_watched(attempt: Attempt) -> bool:
    """Return whether signs of life matter."""
    return attempt.launch.stall_timeout_s is not None and attempt.verdict is None


def is_limited(attempt: Attempt) -> bool:
    """Return whether it has a limit of time at all: most have none, and are asked nothing more."""
    return attempt.launch.timeout_s is not None or attempt.launch.stall_timeout_s is not None


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
        return f"stopped after {attempt.launch.timeout_s:g} s{_own(attempt)}, its time limit"
    if attempt.verdict is Outcome.STALLED:
        return f"no log line and no progress for {attempt.launch.stall_timeout_s:g} s{_own(attempt)}"
    return None


def _stalls_at(attempt: Attempt) -> Optional[float]:
    limit_s = attempt.launch.stall_timeout_s
    if limit_s is None or attempt.active_at is None:
        return None
    return attempt.active_at + limit_s * attempt.sharing


def _own(attempt: Attempt) -> str:
    return f" of its own share (it began with {attempt.together - 1} others)" if attempt.together > 1 else ""
