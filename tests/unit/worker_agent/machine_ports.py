"""What the agent needs of a machine, made up for the simulation of agents."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.unit.worker_agent.machine import Machine
from worker_agent.core import commands as cmd
from worker_agent.core.execution import Exit, Key, Started, StartError
from worker_agent.core.shares import Device, everything, mask_of
from worker_agent.protocol.codec import dump
from worker_agent.protocol.events import Event
from worker_agent.protocol.messages import Launch, encode
from worker_agent.runtime.spool import Body, Memory, record_of


class FakeSpool:
    """A file that a full disk does not take, and that a reboot shortens."""

    def __init__(self, machine: Machine) -> None:
        self._machine, self.memory = machine, Memory()
        for line in machine.file:
            self.memory.apply(json.loads(line))
        self.lines = {seq: encode(event) for seq, event in self.memory.events.items()}
        self.pending: list[str] = []
        self.failure: str | None = None

    def put(self, body: Body) -> None:
        self._machine.burn()
        self.memory.take(body)
        self.pending.append(dump(record_of(body)))
        if isinstance(body, Event):
            self.lines[body.seq] = encode(body)
        for seq in [seq for seq in self.lines if seq not in self.memory.events]:
            del self.lines[seq]

    def write(self) -> bool:
        if self._machine.disk_is_full and self.pending:
            self.failure = "the disk is full"
            return False
        while self.pending:
            self._machine.burn()
            self._machine.file.append(self.pending.pop(0))
        self.failure = None
        return True

    def sync(self) -> None:
        self._machine.synced = len(self._machine.file)


class FakeWorkers:
    """Threads whose answers take a while, and may come in any order."""

    def __init__(self, machine: Machine, wake: Callable[[], None]) -> None:
        self._machine, self._wake = machine, wake
        self._ready: list[object] = []

    def hash(self, work: Callable[[], object]) -> None:
        def done() -> None:
            self._ready.append(work())
            self._wake()

        self._machine.soon(self._machine.random.uniform(0, 3), done)

    look = idle = wait = hash

    def tell(self, answer: object) -> None:
        self._ready.append(answer)
        self._machine.soon(0.0, self._wake)

    def sync(self, work: Callable[[], None]) -> None:
        self._machine.soon(0.05, work)

    def answers(self) -> Iterator[object]:
        while self._ready:
            yield self._ready.pop(0)

    def delete(self, tree: Path) -> None:
        """Nothing is on a disk here."""

    def tidy(self) -> None:
        """Nothing is on a disk here."""

    def drain(self) -> None:
        """Nobody is woken by a socket here."""


class FakeLocks:
    """Locks that others take too."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def check(self, devices: Any) -> None:
        """They can be opened."""

    def take(self, slot: str, devices: Sequence[Device]) -> int | None:
        self._machine.burn()
        (device,) = devices
        mask = mask_of(slot) & everything(device)
        assert not mask & self._machine.lock_of(device.name), f"{slot} is given twice"
        if mask & self._machine.others.get(device.name, 0):
            return None
        self._machine.held[slot] = device.name, mask
        descriptor = self._machine.clock.number()
        self._machine.descriptors[descriptor] = slot
        return descriptor

    def free(self, slot: str) -> None:
        self._machine.burn()
        running = [key for key, process in self._machine.processes.items() if process.slot == slot]
        assert not running, f"{slot} is freed while {running} run in it"
        self._machine.held.pop(slot, None)

    def others(self, device: Device, ours: int) -> int:
        return self._machine.others.get(device.name, 0) & everything(device) & ~ours


_LOOKS_LIKE = {"rotten": "unsure", "silently rotten": "present"}
"""What is wrong may show in a file's size and times, or not."""


class FakeCache:
    """Artefacts that change and go when nobody looks."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._rot: dict[str, float] = {}
        """When rot was found last."""

    def status(self, name: str) -> str:
        self._machine.burn()
        machine = self._machine
        if machine.hits(machine.faults.cache_changes):
            machine.cache[name] = machine.random.choice(["missing", "unsure", "rotten"])
        found = machine.cache.get(name, "missing")
        return _LOOKS_LIKE.get(found, found)

    def verify_delivered(self, name: str) -> str | None:
        if name in self._machine.cache and self.verify_cached(name) is None:
            self._machine.incoming.pop(name, None)
            return None
        if not self._machine.incoming.pop(name, False):
            return "it is not what it should be"
        self._machine.cache[name] = "present"
        return None

    def verify_cached(self, name: str) -> str | None:
        if self._machine.cache.get(name, "missing") in ("missing", "rotten", "silently rotten"):
            if self._machine.cache.pop(name, None):
                self._rot[name] = self._machine.now
            return "it has changed"
        self._machine.cache[name] = "present"
        return None

    def rotten(self, names: Iterable[str], every_s: float = 0.0, ran_s: float = 0.0) -> list[str]:
        """Return what is wrong with artefacts, which are set aside, or was when somebody looked."""
        for name in names:
            if self._machine.cache.get(name) in _LOOKS_LIKE:
                self.verify_cached(name)
        begun = self._machine.now - ran_s
        return [f"{name}: it was rotten" for name in names if self._rot.get(name, -1.0) >= begun]


class FakeInvoker:
    """Starts that fail, or take a while."""

    def __init__(self, machine: Machine, spool: FakeSpool, tell: Callable[[object], None]) -> None:
        self._machine, self._spool, self._tell = machine, spool, tell

    def invoke(self, launch: Launch, slot: str, gpu: str | None, lock: int) -> int | None:
        machine, key = self._machine, (launch.job_id, launch.attempt)
        self.prepare(launch, slot, gpu, lock)
        if machine.hits(machine.faults.starts_later):
            machine.starting[key] = slot
            machine.soon(machine.random.uniform(0, 2), lambda: self._begin_later(launch))
            return None
        return machine.begin(launch, slot)

    def prepare(self, launch: Launch, slot: str, gpu: str | None, lock: int) -> Launch:
        machine, key = self._machine, (launch.job_id, launch.attempt)
        assert slot == machine.descriptors[lock] and (gpu is None) == slot.startswith("cpu")
        machine.burn()
        machine.on_invoke(launch)
        if self._spool.failure and not self._spool.write():
            raise StartError(self._spool.failure, worker_fault=True)
        assert key not in machine.processes and key not in machine.starting, f"{key} runs twice"
        machine.files.add(key)
        if machine.hits(machine.faults.start_fails):
            raise StartError("no such program")
        return launch

    def invoke_group(self, group: str, members: Sequence[tuple[Key, Launch]]) -> None:
        """Let jobs begin that train at once, in a while."""
        machine = self._machine
        slot = next(reversed(machine.descriptors.values()))
        assert {launch.group for _, launch in members} == {group}
        machine.groups += 1
        machine.starting.update({key: slot for key, _ in members})
        machine.soon(machine.random.uniform(0, 2), lambda: self._begin_group(members))

    def _begin_group(self, members: Sequence[tuple[Key, Launch]]) -> None:
        machine, pid = self._machine, self._machine.clock.number()
        cannot_be = machine.hits(machine.faults.no_groups)
        for key, launch in members:
            slot = machine.starting.pop(key, None)
            if slot is not None and cannot_be:
                self._tell(Started(key, 0, "it trains one job at a time", alone=True))
            elif slot is not None:
                self._tell(Started(key, machine.begin(launch, slot, pid, len(members))))

    def follow(self, key: Key) -> None:
        assert key in self._machine.processes

    def _begin_later(self, launch: Launch) -> None:
        key = (launch.job_id, launch.attempt)
        slot = self._machine.starting.pop(key, None)
        if slot is None:
            return
        if self._machine.hits(self._machine.faults.start_fails):
            self._tell(Started(key, 0, "the preloaded process has ended"))
        else:
            self._tell(Started(key, self._machine.begin(launch, slot)))

    def stop(self, key: Key) -> None:
        """End an attempt, begun or not, in a while."""
        machine = self._machine
        if key in machine.starting:
            del machine.starting[key]
            machine.soon(0.0, lambda: self._tell(Exit(key, -2, None, 0.0)))
        elif key in machine.processes:
            process = machine.processes[key]
            machine.soon(machine.random.uniform(0, 2), lambda: machine.end(key, process, -15))


class FakeGpus:
    """GPUs whose memory is free a while after the attempt."""

    def __init__(self, machine: Machine, free: Callable[[str], None]) -> None:
        self._machine, self._free = machine, free

    def drain(self, slot: str) -> None:
        self._machine.burn()
        self._machine.soon(self._machine.random.uniform(0, 4), lambda: self._free(slot))

    def on_read(self, answer: object) -> None:
        """Nothing is read here."""

    def visible(self, device: Device) -> str | None:
        return device.gpu


class FakeCollector:
    """The cache has room."""

    def lease(self, cache: object, name: str) -> bool:
        """Nobody else is here."""
        return True

    def on_listed(self, found: object) -> None:
        """Nothing is listed here."""

    def on_cleaned(self, answer: object) -> None:
        """Nothing is cleaned here."""


@dataclass(frozen=True)
class Digested:
    """What an attempt left."""

    exit: Exit
    left: cmd.Collected
