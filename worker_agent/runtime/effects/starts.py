"""Starts attempts, and tells the core what has come of it."""

from __future__ import annotations

from typing import Dict, Optional, Sequence

from worker_agent.core import commands as cmd
from worker_agent.core import transitions
from worker_agent.core.execution import Exit, Key, Started, StartError
from worker_agent.core.state import AgentState
from worker_agent.protocol.events import Ticks
from worker_agent.protocol.messages import Launch
from worker_agent.runtime.effects.artefacts import ArtefactEffects
from worker_agent.runtime.effects.invoker import Invoker
from worker_agent.runtime.effects.limits import LimitEffects
from worker_agent.runtime.effects.slots import SlotEffects
from worker_agent.runtime.effects.table import Handlers
from worker_agent.runtime.ports import Clock
from worker_agent.system import processes

LOOK_S = 0.02
"""So long an artefact is taken to be as it was seen: hundreds of short jobs a second share a look at it."""


class StartEffects:
    """From a slot that is free to an attempt that runs."""

    def __init__(
        self,
        state: AgentState,
        artefacts: ArtefactEffects,
        slots: SlotEffects,
        invoker: Invoker,
        limits: LimitEffects,
        now: Clock,
    ) -> None:
        self._state, self._artefacts, self._slots, self._invoker = state, artefacts, slots, invoker
        self._limits, self._now = limits, now
        self._asked: Dict[Key, int] = {}
        """When the attempts that are being started were, in ticks."""
        self._seen: Dict[str, float] = {}
        """When artefacts were last looked at and found as they should be."""

    def table(self) -> Handlers:
        """Return what is handled here."""
        return {cmd.Start: self.start, Started: self.on_started, Exit: self.on_exit}

    def start(self, item: cmd.Start) -> None:
        """Look at the artefacts once more, take the slot, and start the attempt."""
        if item.riders:
            self._start_group(item)
            return
        key = _key(item.launch)
        if not self._is_fit(key):
            return
        lock = self._slots.take(item.slot)
        if lock is None:
            self._on_taken(item.slot, [key])
            return
        self._asked[key] = processes.ticks()
        try:
            pid = self._invoker.invoke(item.launch, item.slot, self._slots.visible_gpu(item.slot), lock)
        except StartError as error:
            self.on_started(Started(key, 0, str(error), error.worker_fault))
            return
        self._on_pid(key, pid)

    def _start_group(self, item: cmd.Start) -> None:
        """Start attempts that train at once; one that cannot be does not keep the others from it."""
        fit = [launch for launch in (item.launch, *item.riders) if self._is_fit(_key(launch))]
        lock = self._slots.take(item.slot) if fit else None
        if lock is None:
            self._on_taken(item.slot, [_key(launch) for launch in fit])
            return
        gpu, members = self._slots.visible_gpu(item.slot), []
        for launch in fit:
            self._asked[_key(launch)] = processes.ticks()
            try:
                members.append((_key(launch), self._invoker.prepare(launch, item.slot, gpu, lock)))
            except StartError as error:
                self.on_started(Started(_key(launch), 0, str(error), error.worker_fault))
        if members:
            self._invoker.invoke_group(item.launch.group or "", members)

    def _on_taken(self, slot: str, keys: Sequence[Key]) -> None:
        for first in keys[:1]:
            transitions.on_slot_taken(self._state, first, self._slots.held_by_others(slot), keys[1:])

    def on_started(self, started: Started) -> None:
        """An attempt runs, or cannot be started."""
        before = self._asked.pop(started.key)
        if started.alone:
            transitions.on_alone(self._state, started, self._now())
            return
        if started.problem:
            transitions.on_not_started(self._state, started, self._now())
            return
        self._invoker.follow(started.key)
        ticks = Ticks(before, processes.ticks())
        transitions.on_started(self._state, started.key, started.pid, ticks, self._now())
        self._limits.follow(started.key)

    def on_exit(self, done: Exit) -> None:
        """Nothing of an attempt runs any more; it may have been stopped before it had begun."""
        self._asked.pop(done.key, None)
        transitions.on_exit(self._state, self._limits.ended(done), self._now())

    def _on_pid(self, key: Key, pid: Optional[int]) -> None:
        if pid is not None:
            self.on_started(Started(key, pid))

    def _is_fit(self, key: Key) -> bool:
        """Return whether what an attempt needs is as it should be; one whose need is not goes back."""
        now, attempt = self._now(), self._state.attempts[key]
        for name in attempt.needs:
            if now - self._seen.get(name, -LOOK_S) < LOOK_S:
                continue
            status = self._artefacts.status(name)
            if status != "present":
                transitions.on_unfit(self._state, key, name, status, now)
                return False
            self._seen[name] = now
        attempt.used_since = min(map(self._seen.__getitem__, attempt.needs), default=None)
        return True


def _key(launch: Launch) -> Key:
    return launch.job_id, launch.attempt
