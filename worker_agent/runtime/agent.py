"""The agent of one run: an event loop around the core."""

from __future__ import annotations

from worker_agent.executors.base import Executor
from worker_agent.runtime.connection.network import Network
from worker_agent.runtime.effects.records import RecordEffects
from worker_agent.runtime.effects.table import Effects
from worker_agent.runtime.ports import Clock
from worker_agent.runtime.upkeep import Upkeep


class Agent:
    """Serves one master at a time until the run is over, or nobody has come for long."""

    def __init__(
        self,
        network: Network,
        effects: Effects,
        records: RecordEffects,
        executor: Executor,
        upkeep: Upkeep,
        now: Clock,
    ) -> None:
        self._network, self._effects, self._records = network, effects, records
        self._executor, self._upkeep, self._now = executor, upkeep, now
        self._told_to_end = False

    def run(self) -> None:
        """Serve until the end."""
        while not self._is_over():
            self._network.wait(self._timeout_s())
            self.turn()

    def turn(self) -> None:
        """Do all that is due, remember it, and only then tell of it."""
        for started in self._executor.started():
            self._effects.handle(started)
        # Who takes the machine back ends jobs and agent at once: none of them has failed for that.
        for done in self._upkeep.heed(self._executor.poll()):
            self._effects.handle(done)
        self._effects.take_answers()
        self._upkeep.keep_time()
        self._effects.execute()
        self._records.write()
        if not self._network.quiet_s():
            self._network.pump()

    def end(self) -> None:
        """Serve no longer than this turn.  May be called by a signal's handler."""
        self._told_to_end = True

    def _is_over(self) -> bool:
        return self._told_to_end or self._effects.left or self._upkeep.is_over

    def _timeout_s(self) -> float:
        waits = [self._upkeep.wait_s(self._now())]
        quiet_s, executor_s = self._network.quiet_s(), self._executor.wait_s()
        if quiet_s:
            waits.append(quiet_s)
        if executor_s is not None:
            waits.append(executor_s)
        return max(0.0, min(waits))
