"""Reads the GPUs again and again, and tells the core what has come of it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Callable, Dict, FrozenSet, List, Mapping, Optional, Set, Tuple

from worker_agent.core import commands as cmd
from worker_agent.core import queries, slot_assignment, transitions
from worker_agent.core.execution import Key
from worker_agent.core.shares import SHARES, Device, cpu_devices, devices_of, usual_slots
from worker_agent.core.state import AgentState
from worker_agent.devices.gpu_readings import GpuWatch, Standing
from worker_agent.devices.gpu_tools import read_gpus
from worker_agent.devices.gpus import GpuError, Reading, gpu_devices, visible_name
from worker_agent.devices.lent_gpus import NONE_LENT
from worker_agent.devices.slot_locks import SlotLocks, cores
from worker_agent.protocol.messages import BY_INDEX, Settings
from worker_agent.protocol.reports import usual_cpu_slots
from worker_agent.protocol.terms import MOST_SLOTS
from worker_agent.system import processes
from worker_agent.system.background import Background

_EVERY_S = 2.0
_RELEASE_S = 30.0
"""How long the memory of an attempt that has ended may stay in use before its slot is free all the same."""

_JOB = b"TWOPHASE_JOB_ID="

_SERVERS = frozenset({b"nvidia-cuda-mps", b"nvidia-persiste", b"Xorg", b"Xwayland", b"gnome-shell"})
"""What serves others and computes nothing itself, by the names that the kernel has: 15 bytes at most."""


def devices_for(settings: Settings, reading: Optional[Reading]) -> List[Device]:
    """Return the devices under these settings.  Raises GpuError for GPUs that are not there."""
    found: List[Device] = []
    least = settings.least_slots or 0
    if settings.gpus:
        found = gpu_devices(settings.gpus, reading, settings.slots_per_gpu, settings.gpu_reserve)
        if found and sum(len(usual_slots(device)) for device in found) < least:
            of_each = min(SHARES, -(-least // len(found)))
            found = gpu_devices(settings.gpus, reading, of_each, settings.gpu_reserve)
    asked = settings.cpu_slots if settings.cpu_slots is not None else usual_cpu_slots(cores())
    return found or cpu_devices(max(min(least, MOST_SLOTS), asked))


@dataclass(frozen=True)
class GpusRead:
    """The answer of a look at the GPUs: a reading, or why there is none."""

    reading: Optional[Reading]
    problem: str = ""


class GpuMonitor:
    """What is known of the GPUs of this machine."""

    def __init__(
        self,
        state: AgentState,
        locks: SlotLocks,
        background: Background,
        complain: Callable[[str], None],
    ) -> None:
        self._state, self._locks, self._background = state, locks, background
        self._complain = complain
        self._closed: Mapping[str, str] = {}
        self._held: Dict[str, int] = {}
        self._settings: Optional[Settings] = None
        self._devices: List[Device] = []
        self._reading: Optional[Reading] = None
        self._watch = GpuWatch([], 0, 0.0)
        self._draining: Dict[str, float] = {}
        self._is_reading = self._again = False
        self._began = self._next = 0.0
        self._then: Tuple[FrozenSet[str], FrozenSet[str]] = (frozenset(), frozenset())
        self._trouble = self._unsaid = ""

    def devices(self, settings: Settings, reading: Optional[Reading] = None) -> List[Device]:
        """Return the devices under these settings; the GPUs are read where no `reading` of just now is given.

        Raises GpuError where GPUs are not there or cannot be read.  What was found once stays: a GPU that is
        lost later is closed, and does not take the worker with it.
        """
        if self._settings is None or _gpu_settings(settings) != _gpu_settings(self._settings):
            reading = (reading or read_gpus()) if settings.gpus else None
            self._devices = devices_for(settings, reading)
            self._watch = GpuWatch(self._devices, settings.gpu_reserve, settings.gpu_idle_s)
            self._reading, self._closed = reading, {}
            self._unsaid = NONE_LENT if reading and reading.unlent and not self._watch.devices else ""
            if reading:
                self._closed = self._watch.take(reading, time.monotonic(), self._standing(reading)).closed
        self._settings = settings
        return self._devices

    @property
    def reading(self) -> Optional[Reading]:
        """What the driver's tool told last; None where there is none, or no GPU is used."""
        return self._reading

    def visible(self, device: Device) -> Optional[str]:
        """Return what `CUDA_VISIBLE_DEVICES` is to hold for a job on `device`, None for a CPU."""
        return visible_name(
            device, self._reading, self._settings.visible_gpus if self._settings else BY_INDEX
        )

    def look_at_locks(self) -> None:
        """Tell the core what other agents hold, and which devices are closed."""
        for device in self._devices:
            self._held[device.name] = self._locks.others(device, slot_assignment.ours(self._state, device))
        slot_assignment.on_others(self._state, self._held, self._closed)

    def look(self) -> None:
        """Read the GPUs in the background, if it is time and there are any to watch."""
        if self._unsaid:
            self._warn(self._unsaid)
            self._unsaid = ""
        if not self._watch.devices or self._is_reading:
            return
        if time.monotonic() >= self._next or self._draining:
            self._is_reading, self._again = True, False
            self._began, self._then = time.monotonic(), self._holders()
            self._background.look(_read)

    def drain(self, slot: str) -> None:
        """Free a slot once no memory of the attempt that had it is in use any more."""
        self._draining[slot] = time.monotonic()
        self._again = True
        self.look()

    def on_read(self, answer: GpusRead) -> None:
        """Tell the core what a reading shows."""
        if answer.reading is None:
            self._fail(answer.problem)
        else:
            self._take(answer.reading)

    def _fail(self, problem: str) -> None:
        if problem != self._trouble:
            self._complain(f"the GPUs cannot be read, what was last seen stays true: {problem}")
        self._trouble = problem
        self._settle(frozenset())

    def _take(self, reading: Reading) -> None:
        if self._trouble:
            self._complain("the GPUs can be read again")
        self._trouble, self._reading = "", reading
        findings = self._watch.take(reading, time.monotonic(), self._standing(reading))
        for name, why in findings.closed.items():
            if name not in self._closed:
                self._complain(f"{name} gets no jobs: {why}")
        self._closed = findings.closed
        slot_assignment.on_gpu_memory(self._state, findings.used)
        transitions.on_gpus_gone(self._state, findings.gone)
        self._settle(findings.free | findings.gone)
        self.look_at_locks()

    def _settle(self, free: FrozenSet[str]) -> None:
        """End the reading: free the slots whose memory was free in it, and begin the next if it is wanted."""
        for slot, since in list(self._draining.items()):
            overdue = time.monotonic() - since > _RELEASE_S
            if (free.issuperset(devices_of(slot)) and since <= self._began) or overdue:
                del self._draining[slot]
                slot_assignment.on_memory_free(self._state, slot)
                if overdue:
                    self._warn(f"{slot}: its GPU's memory was still in use {_RELEASE_S:g} s after the job")
        self._is_reading, self._next = False, time.monotonic() + _EVERY_S
        if self._again:
            self.look()

    def _warn(self, text: str) -> None:
        self._complain(text)
        self._state.outbox.append(cmd.Send(slot_assignment.told(self._state, [text])))

    def _standing(self, reading: Reading) -> Standing:
        ours: Dict[int, Key] = {}
        strangers: Dict[int, str] = {}
        servers: Set[int] = set()
        sessions, marks = self._attempts()
        for process in reading.processes:
            session = processes.session_of(process.pid)
            key = sessions.get(session) if session is not None else None
            if key is None:
                carries = [one for one, mark in marks.items() if processes.environment_has(process.pid, mark)]
                key = carries[0] if carries else None
            if key is not None:
                ours[process.pid] = key
            elif processes.name_of(process.pid) in _SERVERS:
                servers.add(process.pid)
            elif session is not None and not processes.environment_has(process.pid, _JOB, whole=False):
                strangers[process.pid] = processes.user_of(process.pid) or "somebody"
        # What a reading shows may have ended since, and its locks gone with it: those of then count too.
        held, others = (then | now for then, now in zip(self._then, self._holders()))
        running = frozenset(name for slot in self._state.slots for name in devices_of(slot))
        return Standing(ours, strangers, running, held, others, frozenset(servers))

    def _holders(self) -> Tuple[FrozenSet[str], FrozenSet[str]]:
        """Return the devices of which we, and other agents, have shares now."""
        slots = (*self._state.slots, *self._state.draining)
        held = frozenset(name for slot in slots for name in devices_of(slot))
        ours = {device.name: slot_assignment.ours(self._state, device) for device in self._devices}
        others = (one.name for one in self._devices if self._locks.others(one, ours[one.name]))
        return held, frozenset(others)

    def _attempts(self) -> Tuple[Dict[int, Key], Dict[Key, bytes]]:
        """Return the attempts that run, by the sessions of their processes, and the marks of these."""
        running = [self._state.attempts[key] for key in queries.on_slots(self._state)]
        sessions = {attempt.pid: attempt.key for attempt in running if attempt.pid}
        return sessions, {attempt.key: attempt.mark for attempt in running if attempt.mark}


def _read() -> GpusRead:
    """In a thread."""
    try:
        reading = read_gpus()
    except GpuError as error:
        return GpusRead(None, str(error))
    return GpusRead(reading, "" if reading else "nvidia-smi is no longer there")


def _gpu_settings(settings: Settings) -> Tuple[object, ...]:
    return (
        *(settings.gpus, settings.slots_per_gpu, settings.gpu_reserve, settings.gpu_idle_s),
        *(settings.cpu_slots, settings.least_slots),
    )
