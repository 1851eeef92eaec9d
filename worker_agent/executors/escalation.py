"""How an attempt is ended: it is asked twice, each time with a grace time, and then it is not asked."""

from __future__ import annotations

import signal

from worker_agent.system import processes

_STEPS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)
_REPEAT_S = 1.0
"""Between two SIGKILLs, for a group that got a new member while it was being killed."""


class Escalation:
    """Sends SIGINT, then SIGTERM, then SIGKILL to a process group, each `grace_s` after the one before.

    Times are seconds of a clock that never goes back; who owns the group calls `advance` when it is due.
    """

    def __init__(self, group: int, grace_s: float, now: float) -> None:
        """Send the first signal."""
        self._group = group
        self._grace_s = grace_s
        self._next = 0
        self.due_at = now
        self.advance(now)

    def hurry(self, grace_s: float, now: float) -> None:
        """Shorten the grace time, also of the step that is under way; it never gets longer."""
        if grace_s < self._grace_s:
            self._grace_s = grace_s
            self.due_at = min(self.due_at, now + grace_s)
            self.advance(now)

    def advance(self, now: float) -> None:
        """Send every signal that is due."""
        while self.due_at <= now:
            step = min(self._next, len(_STEPS) - 1)
            processes.signal_group(self._group, _STEPS[step])
            self._next = step + 1
            self.due_at = now + (_REPEAT_S if _STEPS[step] is signal.SIGKILL else self._grace_s)
