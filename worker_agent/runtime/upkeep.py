"""What the agent does because time has passed."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, Optional, Sequence

from worker_agent.core import queries, staging
from worker_agent.core.execution import Exit
from worker_agent.core.state import AgentState
from worker_agent.devices.gpu_monitor import GpuMonitor
from worker_agent.runtime.agent_log import complain
from worker_agent.runtime.connection.connections import Connections
from worker_agent.runtime.effects.attempt_monitor import AttemptMonitor
from worker_agent.runtime.eviction import Eviction

_EVERY_S = 1.0


@dataclass(frozen=True)
class Stay:
    """How long an agent stays."""

    idle_s: float
    """Without a master and without work …"""
    nothing_held_s: float = queries.NOTHING_HELD_S
    """… and where it holds nothing for a master."""
    eviction: Optional[Eviction] = None
    """Where the machine is lent to it."""


class Upkeep:
    """Limits of attempts whenever they are due, everything else about once a second."""

    def __init__(
        self,
        state: AgentState,
        connections: Connections,
        attempts: AttemptMonitor,
        gpus: GpuMonitor,
        chores: Sequence[Callable[[], None]],
        stay: Stay,
    ) -> None:
        """`chores` are done in every round."""
        self._state, self._connections, self._attempts, self._gpus = state, connections, attempts, gpus
        self._chores, self._stay = chores, stay
        self._next = self._last_busy = time.monotonic()
        self.idle_for_too_long = False

    def wait_s(self, now: float) -> float:
        """Return how long nothing is to be done; `now` is the time of the core."""
        watches_s = self._attempts.watches.wait_s()
        evicted_s = self._stay.eviction.wait_s() if self._stay.eviction else None
        waits = [self._next - time.monotonic(), self._until_deadline_s(now), watches_s, evicted_s]
        return max(0.0, min(wait for wait in waits if wait is not None))

    def heed(self, ended: Sequence[Exit]) -> Sequence[Exit]:
        """Begin to leave where the machine is taken back; return which of the ended are to be handled."""
        return self._stay.eviction.heed(ended) if self._stay.eviction else ended

    @property
    def is_over(self) -> bool:
        """Whether nobody has come for long, or the machine is given back."""
        eviction = self._stay.eviction
        return self.idle_for_too_long or (eviction is not None and eviction.is_over)

    def keep_time(self) -> None:
        """Do what is due."""
        is_round = time.monotonic() >= self._next
        if is_round or self._attempts.is_due():
            self._attempts.look_for_signs()
        self._attempts.tick()
        self._attempts.watches.show()
        if is_round:
            self._next = time.monotonic() + _EVERY_S
            self._do_round()

    def _until_deadline_s(self, now: float) -> Optional[float]:
        deadline = queries.next_deadline(self._state)
        return None if deadline is None else deadline - now

    def _do_round(self) -> None:
        has_master, is_queued = self._connections.master is not None, queries.queued(self._state)
        if has_master or is_queued:
            self._gpus.look_at_locks()
        if has_master or is_queued or queries.busy(self._state):
            self._gpus.look()
        if has_master:
            self._attempts.report_progress()
        staging.look_again(self._state)
        for chore in self._chores:
            chore()
        self._check_idle()

    def _check_idle(self) -> None:
        if self._connections or queries.busy(self._state):
            self._last_busy = time.monotonic()
            return
        patience_s = queries.patience_s(self._state, self._stay.idle_s, self._stay.nothing_held_s)
        if time.monotonic() - self._last_busy > patience_s:
            complain(f"no master and nothing to do for {patience_s:g} s: the agent ends")
            self.idle_for_too_long = True
