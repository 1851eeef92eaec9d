"""A made-up machine for the simulation of agents: it survives them, and does to them what chance wants."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from random import Random

from tests.support.simulated_clock import Action, Clock
from worker_agent.core.commands import Collect, Collected, Discard
from worker_agent.core.execution import Exit, Key
from worker_agent.core.shares import SHARES, Device, device_of, everything, mask_of
from worker_agent.peers.base import Network, Tell
from worker_agent.protocol.artefacts.fetching import Source
from worker_agent.protocol.messages import Launch

GPU = Device("gpu0", SHARES, SHARES // 2, 1, memory=64_000, gpu="0", lock="gpu0", watched=True)
DEVICES = {device.name: device for device in (GPU, Device("cpu0", lock="cpu0"), Device("cpu1", lock="cpu1"))}


class Killed(BaseException):
    """The agent was killed; nothing of it may catch this."""

    def __init__(self, machine: Machine) -> None:
        super().__init__()
        self.machine = machine


@dataclass(frozen=True)
class Faults:
    """What goes wrong, as chances; kills and reboots are times between two of them, in seconds."""

    start_fails: float = 0.1
    starts_later: float = 0.3
    fails: float = 0.2
    poisons: float = 0.1
    """Of the jobs that train with others: their end is that of the others, too."""
    no_groups: float = 0.2
    """Of the groups: they have to run one by one."""
    collect_fails: float = 0.1
    cache_changes: float = 0.1
    bad_delivery: float = 0.3
    message_lost: float = 0.1
    message_repeated: float = 0.2
    kill_every_s: float = 30.0
    reboot: float = 0.3
    """Of the kills: the whole machine goes down, and forgets what was not synced."""
    kept: float = 0.5
    """Of the boots: agents have a keeper, and their jobs outlive them."""
    link_breaks_every_s: float = 20.0
    disk_full_every_s: float = 40.0
    others_every_s: float = 8.0
    gpu_gone_every_s: float = 200.0


@dataclass
class Process:
    """What runs for an attempt."""

    launch: Launch
    slot: str
    pid: int
    """Shared by those that train at once …"""
    is_resident: bool = False
    """… whose process ends with the agent, whoever looks after others."""
    together: int = 1
    """With how many it began, itself included."""


@dataclass
class Machine:
    """Chance, disk, locks and processes."""

    clock: Clock
    faults: Faults
    devices: Mapping[str, Device] = field(default_factory=lambda: DEVICES)
    job_s: float = 12.0
    """The most that an attempt takes."""
    calm: bool = False
    """Nothing goes wrong any more."""
    keeper: bool = False
    """Whoever reaps what a dead agent leaves is there."""
    file: list[str] = field(default_factory=list)
    """The spool."""
    synced: int = 0
    disk_is_full: bool = False
    losses: int = 0
    """How often records were lost."""
    cache: dict[str, str] = field(default_factory=dict)
    incoming: dict[str, bool] = field(default_factory=dict)
    """What was delivered, and whether it is what it should be."""
    held: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Our locks: device and shares by slot."""
    descriptors: dict[int, str] = field(default_factory=dict)
    """Which slot each of our locks was taken for."""
    others: dict[str, int] = field(default_factory=dict)
    processes: dict[Key, Process] = field(default_factory=dict)
    groups: int = 0
    """How often several jobs were started at once."""
    starting: dict[Key, str] = field(default_factory=dict)
    exits: dict[Key, Exit] = field(default_factory=dict)
    """How those ended that no agent was there to see: the keeper's notes."""
    files: set[Key] = field(default_factory=set)
    fuse: int | None = None
    """After so many more effects the agent is killed."""
    listener: Callable[[object], None] | None = None
    """The agent that lives; None while none does."""
    on_invoke: Callable[[Launch], None] = lambda launch: None
    """Told of every attempt that is about to be started."""
    on_start: Callable[[Launch], None] = lambda launch: None
    """Told of every process when it begins."""
    on_discard: Callable[[Discard], None] = lambda item: None
    """Told of every attempt whose files are deleted."""
    borrow: Callable[[str], tuple[Source, str | None]] = lambda name: (Source.DISK, "nowhere")
    """Looks for an artefact on the disk."""
    open_network: Callable[[Tell], Network] | None = None
    """Lets its agents reach those of other machines."""
    leave: Callable[[Collect], Collected] = lambda item: Collected()
    """Tells what an attempt left."""

    @property
    def random(self) -> Random:
        return self.clock.random

    @property
    def now(self) -> float:
        return self.clock.now

    def soon(self, delay_s: float, action: Action) -> None:
        self.clock.soon(delay_s, action)

    def hits(self, chance: float) -> bool:
        return not self.calm and self.random.random() < chance

    def burn(self) -> None:
        """Something is about to have an effect: the moment for an agent to be killed in."""
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.fuse = None
                raise Killed(self)

    def exit_code(self, launch: Launch) -> int:
        """Decide how a process will end."""
        return self.random.choice([1, 75, -9]) if self.hits(self.faults.fails) else 0

    def lock_of(self, device: str) -> int:
        """Return our shares of a device, as bits."""
        return sum(mask for name, mask in self.held.values() if name == device)

    def begin(self, launch: Launch, slot: str, pid: int = 0, together: int = 1) -> int:
        """Let a process begin, or one more job in the process `pid`; return the pid."""
        self.on_start(launch)
        key = (launch.job_id, launch.attempt)
        process = self.processes[key] = Process(launch, slot, pid or self.clock.number(), bool(pid), together)
        code = self.exit_code(launch)
        self.soon(self.random.uniform(0, self.job_s), lambda: self.end(key, process, code))
        return process.pid

    def end(self, key: Key, process: Process, code: int) -> None:
        """Let a process end, unless it has."""
        if self.processes.get(key) is not process:
            return
        problem = "its host crashed" if code == -9 and self.random.random() < 0.5 else ""
        self._tell_end(key, code, problem)
        mates = [mate for mate, other in self.processes.items() if other.pid == process.pid]
        for mate in mates if problem or self.hits(self.faults.poisons) else ():
            self._tell_end(mate, -9, problem or "one of its group has poisoned it")

    def _tell_end(self, key: Key, code: int, problem: str) -> None:
        process = self.processes.pop(key)
        done = Exit(key, code, None, float(process.together), problem=problem)
        if self.listener:
            self.listener(done)
        elif not process.is_resident:
            self.exits[key] = done

    def end_all_but(self, kept: Collection[Key]) -> None:
        """End all processes but those of some attempts, which keep their slots."""
        self.starting.clear()
        self.processes = {key: process for key, process in self.processes.items() if key in kept}
        self.exits = {key: done for key, done in self.exits.items() if key in kept}
        self.held.clear()

    def lock(self, slot: str) -> None:
        """Note that we have a slot; what runs on goes on in one that its master counts no more."""
        device = self.devices.get(device_of(slot))
        self.held[slot] = device_of(slot), mask_of(slot) & (everything(device) if device else 1)

    def lose_power(self) -> int:
        """Forget what runs, and what was not made durable; return how many records that is."""
        kept = self.random.randint(self.synced, len(self.file))
        lost = len(self.file) - kept
        del self.file[kept:]
        self.end_all_but(())
        return lost
