"""How an agent leaves a machine that is lent to it: it begins no job, lets those that run save themselves."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, List, Optional, Sequence, Tuple

from worker_agent.core import transitions
from worker_agent.core.execution import Exit
from worker_agent.core.state import AgentState, Phase
from worker_agent.protocol.script_contract import EXIT_SUCCESS
from worker_agent.runtime.agent_log import complain
from worker_agent.runtime.ports import Clock

KILLED_S = 20.0
"""Whoever takes a machine back asks with SIGTERM and kills half a minute later, as Slurm does by default …"""
_TELL_S = 5.0
"""… and so long a master may take to hear how the last attempts ended; a later agent tells it else."""
_LOOK_S = 0.25
DOUBT_S = 2.0
"""Slurm's signal may reach an agent after its jobs, on a busy machine by much: so long it is not believed of
one that failed that it has done so by itself."""


@dataclass(frozen=True)
class Term:
    """What is known of an allocation when its agent begins."""

    lasts_s: Optional[float] = None
    """None: not known."""
    notice_s: float = 120.0
    """So long before its end nothing is begun any more, and what runs is ended."""


class Eviction:
    """The end of an allocation.  Without a term nothing ends but by a signal."""

    def __init__(
        self,
        state: AgentState,
        term: Term,
        has_master: Callable[[], bool],
        now: Clock,
        steady: Clock = time.monotonic,
    ) -> None:
        self._state, self._term, self._has_master = state, term, has_master
        self._now, self._steady = now, steady
        self._due: Optional[float] = None
        if term.lasts_s is not None:
            self._due = steady() + max(0.0, term.lasts_s - term.notice_s)
        self._asked: Optional[Tuple[float, str]] = None
        self._all_ended_at: Optional[float] = None
        self._doubted: List[Tuple[float, Exit]] = []

    def near(self) -> None:
        """The allocation is about to end.  May be called by a signal's handler."""
        self._asked = self._term.notice_s, "its allocation is about to end"

    def now(self) -> None:
        """The allocation ends now.  May be called by a signal's handler."""
        self._asked = KILLED_S, "its allocation was ended"

    def heed(self, ended: Sequence[Exit]) -> List[Exit]:
        """Begin with what was asked for, or is due; return of those that ended what is to be handled now."""
        self._begin()
        now, sure = self._steady(), [one for one in ended if not self._is_doubtful(one)]
        self._doubted += [(now + DOUBT_S, one) for one in ended if self._is_doubtful(one)]
        sure += [one for until, one in self._doubted if until <= now or not self._is_doubtful(one)]
        self._doubted = [item for item in self._doubted if item[1] not in sure]
        return sure

    def _is_doubtful(self, ended: Exit) -> bool:
        """Return whether an attempt may have been ended by whoever is about to end the agent."""
        unasked = self._state.attempts[ended.key].verdict is None
        return ended.exit_code != EXIT_SUCCESS and unasked and not self._state.evicted

    def _begin(self) -> None:
        if self._due is not None and self._steady() >= self._due:
            self._due = None
            self._asked = self._asked or (self._term.notice_s, "the time of its allocation is over")
        if self._asked:
            (within_s, why), self._asked = self._asked, None
            complain(f"{why}: no job begins here any more, and those that run are ended")
            transitions.on_evict(self._state, why, within_s, self._now())

    def wait_s(self) -> Optional[float]:
        """Return how long nothing is to be done; None for ever."""
        if self._state.evicted or self._doubted:
            return _LOOK_S
        return None if self._due is None else max(0.0, self._due - self._steady())

    @property
    def is_over(self) -> bool:
        """Whether all has ended, and the master knows it or cannot be told."""
        state = self._state
        if not state.evicted or any(one.phase is not Phase.FINISHED for one in state.attempts.values()):
            return False
        if self._all_ended_at is None:
            self._all_ended_at = self._steady()
        is_told = state.acked >= state.last_event or not self._has_master()
        return is_told or self._steady() - self._all_ended_at > _TELL_S
