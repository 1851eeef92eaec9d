"""How long other jobs wait for the pace of the first that reports progress."""

from __future__ import annotations

from typing import Optional

from worker_agent.core.execution import Key

TELLS_S = 60.0
"""So long at most, or until it ends: jobs that take hours may report once an hour."""


class Patience:
    """One job at a time is waited for, until the pace of one is known, or one was waited for in vain."""

    def __init__(self) -> None:
        self.key: Optional[Key] = None
        """The job that is waited for."""
        self.in_vain = False
        self._is_over = False
        self._since: Optional[float] = None
        """How old the job was when it was looked at first."""

    def reported(self, key: Key, is_known: bool) -> None:
        """A job has reported; once a pace is known nobody is waited for any more."""
        if is_known:
            self._end()
        elif self.key is None and not self._is_over:
            self.key, self._since = key, None

    def leave(self, key: Key) -> None:
        """A job is there no more."""
        if self.key == key:
            self.key = None

    def aged(self, key: Key, age_s: float) -> bool:
        """A job has run for so long; return whether it has just been waited for in vain."""
        if key != self.key:
            return False
        self._since = age_s if self._since is None else self._since
        if age_s - self._since < TELLS_S:
            return False
        self.in_vain = True
        self._end()
        return True

    def _end(self) -> None:
        self.key, self._is_over = None, True
