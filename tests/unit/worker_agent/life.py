"""One process of the agent in the simulation: the real core, records and effects, and made-up ports."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from tests.unit.worker_agent.machine import Machine
from tests.unit.worker_agent.machine_ports import (
    Digested,
    FakeCache,
    FakeCollector,
    FakeGpus,
    FakeInvoker,
    FakeLocks,
    FakeSpool,
    FakeWorkers,
)
from worker_agent.core import commands as cmd
from worker_agent.core import slot_assignment, transitions
from worker_agent.core.execution import Key
from worker_agent.core.launch_check import artefacts_of
from worker_agent.core.shares import device_of, everything, mask_of
from worker_agent.core.state import Phase
from worker_agent.executors.adopted import Adopted
from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.peering import Peering
from worker_agent.protocol.messages import Settings
from worker_agent.runtime import recovery
from worker_agent.runtime.effects.artefacts import ArtefactEffects
from worker_agent.runtime.effects.peers import PeerEffects
from worker_agent.runtime.effects.records import RecordEffects
from worker_agent.runtime.effects.slots import SlotEffects
from worker_agent.runtime.effects.starts import StartEffects
from worker_agent.runtime.effects.table import Effects
from worker_agent.runtime.spool import Met


class Life:
    """One process of the agent, from its start to its death."""

    def __init__(self, machine: Machine, boot_id: str, hear: Callable[[msg.ToMaster], None]) -> None:
        self.machine, self.boot_id, self.dead = machine, boot_id, False
        self.spool = FakeSpool(machine)
        self.state = recovery.restore(self.spool.memory)
        self.workers = FakeWorkers(machine, lambda: self.turn(lambda: None))
        self.cache = FakeCache(machine)
        where: Any = SimpleNamespace(cached=Path, incoming=lambda run_id, name: Path(name))
        context = SimpleNamespace(
            devices=machine.devices, cache=self.cache, borrow=machine.borrow, layout=where, run_id="run"
        )
        host: Any = SimpleNamespace(context=context, opened=context)
        self.master = SimpleNamespace(say=hear)
        self.records = RecordEffects(self.spool, self.workers)
        artefacts = ArtefactEffects(self.state, host, FakeCollector(), self.workers, self._now)  # type: ignore[arg-type]
        gpus: Any = FakeGpus(machine, self._memory_free)
        slots = SlotEffects(self.state, host, FakeLocks(machine), gpus)
        self.invoker: Any = FakeInvoker(machine, self.spool, self._tell)
        limits: Any = SimpleNamespace(follow=lambda key: None, ended=lambda done: done)
        starts = StartEffects(self.state, artefacts, slots, self.invoker, limits, self._now)
        self.peers = PeerEffects(self.state, host, artefacts, self.workers, self.master, self._now)  # type: ignore[arg-type]
        if machine.open_network:
            self.peers.open_network = machine.open_network
            self.peers.meet(Peering("", "", ""))
        parts = (self.records, artefacts, self.peers, slots, starts)
        own = {
            cmd.Stop: lambda item: self.invoker.stop(item.key),
            cmd.Collect: self._collect,
            Digested: self._digested,
            cmd.Discard: self._discard,
        }
        self.effects = Effects(self.state, self.workers, self.master, *(part.table() for part in parts), own)
        self.sent = self.state.acked
        self.link = 0
        """Which connection of the master's is the current one; 0 for none."""
        machine.files &= self.spool.memory.launches.keys()
        self._adopt()
        recovery.report_lost(self.state, self.spool, boot_id, machine.now)
        self.effects.execute()
        self.records.write()
        self.spool.sync()
        machine.listener = self._tell
        for done in machine.exits.values():
            machine.soon(0.0, partial(self._tell, done))
        machine.exits.clear()

    def _adopt(self) -> None:
        """Go on with what an earlier agent left and a keeper looked after; end the rest."""
        memory, machine = self.spool.memory, self.machine
        alone = {key for key, process in machine.processes.items() if not process.is_resident}
        known = alone | machine.exits.keys()
        kept = [key for key in memory.running if key in known] if memory.boot_id == self.boot_id else []
        machine.end_all_but(kept)
        for key in kept:
            pid = machine.processes[key].pid if key in machine.processes else 1
            recovery.resume(self.state, memory, Adopted(key, pid, 0, b""), memory.running[key].at)
            machine.lock(self.state.attempts[key].slot or "")

    def turn(self, action: Callable[[], None]) -> None:
        """One turn of the loop."""
        if self.dead:
            return
        action()
        self.effects.take_answers()
        transitions.on_tick(self.state, self.machine.now)
        self.effects.execute()
        self.records.write()
        self._check_slots()
        self._pump()

    def connect(self, link: int, epoch: int = 0) -> list[Key]:
        """A master comes; return the attempts that the welcome tells of."""
        transitions.on_hello(self.state, list(self.machine.devices.values()))
        self.link, self.sent = link, self.state.acked
        self.spool.put(Met(epoch, self.boot_id, Settings(), "/w"))
        return list(self.state.attempts)

    def _now(self) -> float:
        return self.machine.now

    def _tell(self, item: object) -> None:
        self.turn(lambda: self.effects.handle(item))

    def _memory_free(self, slot: str) -> None:
        self.turn(lambda: slot_assignment.on_memory_free(self.state, slot))

    def _collect(self, item: cmd.Collect) -> None:
        answer = Digested(item.exit, self._left(item))
        if self.machine.random.random() < 0.5:
            self._digested(answer)
        else:
            self.workers.hash(lambda: answer)

    def _left(self, item: cmd.Collect) -> cmd.Collected:
        """What an attempt left, as far as that can be told."""
        machine = self.machine
        if item.exit.key not in machine.files:
            return cmd.Collected("its directory is gone", worker_fault=True)
        if machine.disk_is_full:
            return cmd.Collected("the disk is full", worker_fault=True)
        if machine.hits(machine.faults.collect_fails):
            return cmd.Collected("a file cannot be read")
        left = machine.leave(item)
        begun = self.state.attempts[item.exit.key].started_at or machine.now
        used = [] if item.succeeded or item.stopped else sorted(artefacts_of(item.launch))
        rotten = self.cache.rotten(used, ran_s=machine.now - begun)
        return replace(left, problem="; ".join(rotten), worker_fault=True) if rotten else left

    def _digested(self, answer: Digested) -> None:
        transitions.on_collected(self.state, answer.exit, answer.left, self.machine.now)

    def _discard(self, item: cmd.Discard) -> None:
        self.machine.burn()
        self.machine.on_discard(item)
        self.machine.files.discard(item.key)

    def _pump(self) -> None:
        if not self.link:
            return
        last = self.spool.memory.seq
        for seq in range(self.sent + 1, last + 1):
            if seq in self.spool.lines:
                event = msg.decode(self.spool.lines[seq].rstrip())
                assert isinstance(event, msg.Event)
                self.master.say(event)
        self.sent = max(self.sent, last)

    def _check_slots(self) -> None:
        state, machine = self.state, self.machine
        holders = Counter(attempt.slot for attempt in state.attempts.values() if _has_slot(attempt.phase))
        shared = {key: slot for slot in state.slots for key in slot_assignment.holders(state, slot)}
        assert holders == Counter(shared.values()), "a slot is lost, or has attempts that do not share it"
        assert all(state.attempts[key].slot == slot for key, slot in shared.items())
        sharing = [slot_assignment.holders(state, slot) for slot in state.riders]
        groups = [{state.attempts[key].launch.group for key in keys} for keys in sharing]
        assert all(len(group) == 1 and None not in group for group in groups), "strangers share a slot"
        assert set(machine.held) == {*state.slots, *state.draining}, "a lock is lost, or missing"
        for name, device in machine.devices.items():
            masks = [mask_of(slot) & everything(device) for slot in machine.held if device_of(slot) == name]
            assert sum(masks) == machine.lock_of(name) <= everything(device)
        running = {key: process.slot for key, process in machine.processes.items()}
        assert running.items() <= shared.items()


def _has_slot(phase: Phase) -> bool:
    return phase in (Phase.STARTING, Phase.RUNNING)
