"""Attempts that an earlier agent of this run has started: watched, for they are no children of this one.

Their ends are told by whoever reaped them: the agent that started them, or its keeper.
"""

from __future__ import annotations

import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Optional

from worker_agent.core.execution import Exit, Key
from worker_agent.executors.escalation import Escalation
from worker_agent.system import exits, processes

LOOK_S = 0.1
_PATIENCE_S = 5.0
"""So long after the end of an attempt its keeper may take to say how."""
_TICKS_PER_S = processes.TICKS_PER_S


@dataclass
class Adopted:
    """An attempt's first process, which leads a session."""

    key: Key
    pid: int
    start_ticks: int
    mark: bytes
    """The assignment that all of its processes have in their environment."""
    ending: Optional[Escalation] = None
    gone_since: Optional[float] = None

    def lives(self) -> bool:
        """Return whether the process is there and has not ended."""
        found = processes.read_process(self.pid)
        return found is not None and found.alive and found.start_ticks == self.start_ticks

    def may_lead(self) -> bool:
        """Return False where its number, and its group's, is that of another program by now."""
        found = processes.read_process(self.pid)
        return found is None or found.start_ticks == self.start_ticks


class AdoptedExecutor:
    """Watches processes of others until they have ended, with all that they have started."""

    def __init__(self) -> None:
        self._attempts: Dict[Key, Adopted] = {}
        self._exits = Path()
        self._next = 0.0

    def adopt(self, attempt: Adopted, exits_path: Path) -> None:
        """Look after an attempt whose end will be told in a file, or is already."""
        self._attempts[attempt.key], self._exits = attempt, exits_path

    def stop(self, key: Key, grace_s: float) -> bool:
        """Begin to end an attempt, or hurry its end; return whether it is one of these."""
        attempt, now = self._attempts.get(key), time.monotonic()
        if attempt and attempt.ending and attempt.may_lead():
            attempt.ending.hurry(grace_s, now)
        elif attempt and attempt.lives():
            attempt.ending = Escalation(attempt.pid, grace_s, now)
        return attempt is not None

    def poll(self) -> List[Exit]:
        """Return the attempts of which nothing is left since the last call."""
        now = time.monotonic()
        if not self._attempts or now < self._next:
            return []
        self._next = now + LOOK_S
        for attempt in self._attempts.values():
            if attempt.ending and attempt.may_lead():
                attempt.ending.advance(now)
        gone = [attempt for attempt in self._attempts.values() if not attempt.lives() and _cleared(attempt)]
        told = exits.read(self._exits) if gone else {}
        ends = [_end(attempt, told, now) for attempt in gone]
        found = [end for end in ends if end is not None]
        for end in found:
            del self._attempts[end.key]
        return found

    def wait_s(self) -> Optional[float]:
        """Return after how many seconds `poll` has work; None for never."""
        return max(0.0, self._next - time.monotonic()) if self._attempts else None


def _cleared(attempt: Adopted) -> bool:
    """Kill what an attempt left behind; return whether there is nothing."""
    if attempt.may_lead() and processes.group_alive(attempt.pid):
        processes.signal_group(attempt.pid, signal.SIGKILL)
        return False
    left = [
        process.pid
        for process in processes.processes()
        if process.alive and processes.environment_has(process.pid, attempt.mark)
    ]
    for pid in left:
        processes.kill(pid)
    return not left


def _end(attempt: Adopted, told: Dict[exits.Identity, exits.Ended], now: float) -> Optional[Exit]:
    """Return how an attempt ended, None while that may still be told."""
    ended = told.get((attempt.pid, attempt.start_ticks))
    if ended is not None:
        seconds = max(0, ended.end_ticks - ended.start_ticks) / _TICKS_PER_S
        return Exit(attempt.key, exits.exit_code(ended.status), ended.peak_rss_bytes or None, seconds)
    attempt.gone_since = attempt.gone_since or now
    if now - attempt.gone_since < _PATIENCE_S:
        return None
    why = "the agent was ended while the attempt was under way, and nobody saw how the attempt ended"
    return Exit(attempt.key, -signal.SIGKILL, None, 0.0, problem=why)
