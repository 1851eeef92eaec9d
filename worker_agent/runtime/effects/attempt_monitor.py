"""Looks after attempts that run: signs of life, limits, progress, logs that somebody looks at."""

from __future__ import annotations

from worker_agent.attempts.progress import ProgressReader, sign_of
from worker_agent.core import deadlines, queries, slot_assignment, transitions
from worker_agent.core.state import AgentState
from worker_agent.protocol.reports import Progress
from worker_agent.runtime.effects.log_watches import LogWatches
from worker_agent.runtime.host_context import CurrentHost
from worker_agent.runtime.ports import Clock, Master


class AttemptMonitor:
    """What running attempts show of themselves, and what follows."""

    def __init__(
        self, state: AgentState, host: CurrentHost, master: Master, watches: LogWatches, now: Clock
    ) -> None:
        self._state, self._host, self._master, self._now = state, host, master, now
        self.watches = watches
        self._progress = ProgressReader()

    def is_due(self) -> bool:
        """Return whether an attempt reaches a limit now unless it has given a sign of life."""
        deadline = queries.next_deadline(self._state)
        return deadline is not None and deadline <= self._now()

    def look_for_signs(self) -> None:
        """Look whether the attempts that must give signs of life do."""
        for attempt in queries.that_show_life(self._state):
            sign = sign_of(self._host.context.attempt(attempt.key))
            deadlines.on_sign(attempt, sign, self._now(), queries.mates(self._state, attempt))

    def tick(self) -> None:
        """Tell the core that time has passed."""
        transitions.on_tick(self._state, self._now())

    def report_progress(self) -> None:
        """Say what the running attempts have to say."""
        running = {key: self._host.context.attempt(key) for key in queries.on_slots(self._state)}
        self._progress.keep_only(running.values())
        for key, attempt in running.items():
            said = self._progress.read(attempt)
            if said:
                self._master.say(Progress(key[0], key[1], said))
                if said.epoch is not None and self._state.crowds:
                    at = self._progress.written_at(attempt)
                    slot_assignment.on_progress(self._state, key, said.epoch, at)
