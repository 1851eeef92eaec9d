"""Builds an agent of its parts: the only place that knows them all."""

from __future__ import annotations

import os
import selectors
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Optional

from worker_agent.attempts.logs import LogLimiter
from worker_agent.cache.garbage_collection import CacheCollector
from worker_agent.devices.gpu_monitor import GpuMonitor
from worker_agent.devices.slot_locks import SlotLocks
from worker_agent.executors.choice import Executors
from worker_agent.limits.choice import choose_bounds
from worker_agent.limits.watch import Watch
from worker_agent.protocol.layout import StateLayout
from worker_agent.runtime import recovery
from worker_agent.runtime.agent import Agent
from worker_agent.runtime.agent_log import complain
from worker_agent.runtime.clock import SteadyClock
from worker_agent.runtime.connection.connections import Connections
from worker_agent.runtime.connection.conversation import Conversation, message_handlers
from worker_agent.runtime.connection.greeting import HostSettings, Identity, Reception
from worker_agent.runtime.connection.listener import Listener
from worker_agent.runtime.connection.network import Network
from worker_agent.runtime.effects.artefacts import ArtefactEffects
from worker_agent.runtime.effects.attempt_monitor import AttemptMonitor
from worker_agent.runtime.effects.checkpoints import CheckpointEffects
from worker_agent.runtime.effects.endings import EndingEffects
from worker_agent.runtime.effects.environment import EnvironmentEffects
from worker_agent.runtime.effects.invoker import Invoker
from worker_agent.runtime.effects.limits import LimitEffects
from worker_agent.runtime.effects.log_watches import LogWatches
from worker_agent.runtime.effects.peers import PeerEffects
from worker_agent.runtime.effects.records import RecordEffects
from worker_agent.runtime.effects.slots import SlotEffects
from worker_agent.runtime.effects.starts import StartEffects
from worker_agent.runtime.effects.sweeps import SweepEffects
from worker_agent.runtime.effects.table import Effects
from worker_agent.runtime.effects.usage import UsageReports
from worker_agent.runtime.ending import end_attempts, kill_orphans, remove_under_another_name
from worker_agent.runtime.eviction import Eviction, Term
from worker_agent.runtime.host_context import CurrentHost
from worker_agent.runtime.signals import listen_to_signals, stop_listening_to_signals
from worker_agent.runtime.spool import Spool
from worker_agent.runtime.upkeep import Stay, Upkeep
from worker_agent.system import processes
from worker_agent.system.background import Background
from worker_agent.system.exits import OwnEnds
from worker_agent.system.remove_tree import remove_tree
from worker_agent.system.sockets import check_directory

_IN_ALLOCATION_S = 300.0
"""A master sees that an allocation has begun when it looks at the queue next, or after the queue was away."""


@dataclass
class Ports:
    """What reaches out of this process."""

    spool: Spool
    locks: SlotLocks
    ends: OwnEnds
    executor: Executors
    workers: Background = field(default_factory=Background)
    selector: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)
    clock: SteadyClock = field(default_factory=SteadyClock)

    @classmethod
    def open(cls, layout: StateLayout) -> "Ports":
        """Open what there is on the disk.  Raises OSError where that cannot be."""
        ends = OwnEnds(layout.exits)
        if layout.in_allocation:
            check_directory(layout.slot_locks.parent)
        return cls(Spool(layout.spool, complain), SlotLocks(layout.slot_locks), ends, Executors(ends))


class AgentProcess:
    """An agent with all that it is made of, from its recovery to its end."""

    def __init__(self, layout: StateLayout, digest: str, idle_s: float, term: Optional[Term] = None) -> None:
        """Recover what an earlier agent left, and listen.  Raises OSError where that cannot be.

        With a `term` it is the first process of an allocation, and ends with it.
        """
        self._identity = Identity(layout, digest, processes.boot_id())
        self._ports = ports = Ports.open(layout)
        self._state = state = recovery.restore(ports.spool.memory)
        self._host = CurrentHost(choose_bounds())
        self._connections = Connections(ports.selector, ports.spool)
        self._environments = EnvironmentEffects(state, ports.workers, self._connections, os.environ)
        self._settings = HostSettings(layout.run_id, self._host, ports.workers, self._environments)
        self._logs = LogLimiter(complain)
        self._watch = Watch(self._host.bounds, lambda excess: ports.workers.look(lambda: excess))
        self._limits = LimitEffects(state, self._host, self._watch, self._connections)
        self._collector = CacheCollector(state, ports.workers, complain)
        self._gpus = GpuMonitor(state, ports.locks, ports.workers, complain)
        self._checkpoints = CheckpointEffects(state, self._host, ports.workers)
        self._records = RecordEffects(ports.spool, ports.workers)
        self._artefacts = ArtefactEffects(state, self._host, self._collector, ports.workers, ports.clock.now)
        self._peers = PeerEffects(
            *(state, self._host, self._artefacts, ports.workers, self._connections, ports.clock.now)
        )
        self._sweeps = SweepEffects(state, self._host, ports.workers)
        self._effects = self._make_effects()
        self._recover()
        self._listener = Listener(layout.socket, ports.selector)
        self._eviction = self._make_eviction(term) if term else None
        self._agent = self._make_agent(
            Stay(idle_s, _IN_ALLOCATION_S, self._eviction) if term else Stay(idle_s)
        )

    def run(self) -> None:
        """Serve until the end, and end.  Must be called in the main thread."""
        listen_to_signals(self._ports.workers.wakeup_fd, self._agent.end, self._eviction)
        self._agent.run()
        self._end()

    def _make_effects(self) -> Effects:
        state, ports, host, now = self._state, self._ports, self._host, self._ports.clock.now
        slots = SlotEffects(state, host, ports.locks, self._gpus)
        invoker = Invoker(state, host, ports.executor, ports.spool, self._checkpoints, self._logs)
        starts = StartEffects(state, self._artefacts, slots, invoker, self._limits, now)
        endings = EndingEffects(state, host, ports.executor, ports.workers, self._logs, now)
        limits, sweeps, environments = self._limits, self._sweeps, self._environments
        comes = (self._artefacts, self._peers)
        parts = (self._records, *comes, slots, starts, endings, environments, sweeps, limits)
        return Effects(state, ports.workers, self._connections, *(part.table() for part in parts))

    def _make_eviction(self, term: Term) -> Eviction:
        def has_master() -> bool:
            return self._connections.master is not None

        return Eviction(self._state, term, has_master, self._ports.clock.now)

    def _make_agent(self, stay: Stay) -> Agent:
        state, ports, now = self._state, self._ports, self._ports.clock.now
        reception = Reception(self._identity, state, ports.spool, ports.locks, self._gpus, self._settings)
        watches = LogWatches(state, self._logs, self._connections)
        handlers = message_handlers(state, self._host, self._checkpoints, watches, self._peers, now)
        conversation = Conversation(
            *(state, self._connections, reception, self._environments, self._effects, handlers)
        )
        monitor = AttemptMonitor(state, self._host, self._connections, watches, now)
        usage = UsageReports(self._connections)

        def tell_usage() -> None:
            usage.tell(self._gpus.reading, state.devices)

        own = (self._artefacts.make_room, self._sweeps.begin, tell_usage)
        forget_ends = partial(recovery.forget_ends, ports.spool, ports.ends)
        chores = (ports.workers.tidy, *own, self._listener.check, forget_ends)
        upkeep = Upkeep(state, self._connections, monitor, self._gpus, chores, stay)
        ports.selector.register(ports.workers.wakeup, selectors.EVENT_READ, ports.workers.drain)
        ports.selector.register(ports.executor, selectors.EVENT_READ, _nothing)
        network = Network(ports.selector, self._connections, conversation)
        return Agent(network, self._effects, self._records, ports.executor, upkeep, now)

    def _recover(self) -> None:
        memory, identity = self._ports.spool.memory, self._identity
        run_id = identity.layout.run_id
        kept = recovery.left_behind(memory, run_id, identity.boot_id, identity.layout.exits)
        stubborn = recovery.kill_leftovers(memory, run_id, identity.boot_id, kept)
        if stubborn:
            complain(f"processes that do not end: {stubborn}; their slots stay locked")
        for path in recovery.unknown_attempts(memory, run_id):
            self._ports.workers.delete(path)
        if memory.work_dir:
            self._settings.apply(memory.settings, Path(memory.work_dir), [])
        for attempt in kept:
            began_at = recovery.began_at(memory.running[attempt.key], self._ports.clock.now())
            recovery.resume(self._state, memory, attempt, began_at)
            self._artefacts.keep(self._state.attempts[attempt.key].needs)
            self._ports.executor.adopted.adopt(attempt, identity.layout.exits)
            self._logs.follow(
                *(attempt.key, self._host.context.attempt(attempt.key), memory.settings.log_limit_bytes)
            )
            self._limits.follow(attempt.key)
        recovery.report_lost(
            *(self._state, self._ports.spool, identity.boot_id, self._ports.clock.now()),
            in_allocation=identity.layout.in_allocation,
        )
        self._effects.execute()
        self._records.write()
        # Before anything is said: the numbers of what is said must be known to the next agent.
        self._ports.spool.sync()

    def _end(self) -> None:
        ports, layout = self._ports, self._identity.layout
        end_attempts(self._state, self._effects, ports.executor, ports.clock.now())
        self._records.write()
        self._connections.pump()
        self._listener.close()
        self._peers.close()
        if self._effects.left and self._host.opened:
            remove_under_another_name(self._host.opened.layout.run(layout.run_id))
            remove_under_another_name(layout.root)
        self._connections.close()
        ports.executor.close()
        ports.ends.close()
        kill_orphans()
        stop_listening_to_signals()
        self._watch.close()
        ports.workers.close()
        self._logs.close()
        self._collector.close()
        ports.spool.close()
        ports.locks.close()
        if layout.in_allocation:
            remove_tree(layout.slot_locks)
        ports.selector.close()


def _nothing() -> None:
    """The loop asks the executor in every turn."""
