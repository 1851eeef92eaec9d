"""An agent's core, records and effects under random faults: killed at any point, begun again from the spool.

The promises are checked after every turn: no slot is given twice and none is lost.  At the end, when nothing
goes wrong any more and the master has repeated itself: every attempt has one outcome, and all is forgotten.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from tests.support.simulated_clock import Clock
from tests.unit.worker_agent.life import Life
from tests.unit.worker_agent.machine import Faults, Killed, Machine
from worker_agent.core import slot_assignment, staging, transitions
from worker_agent.core.execution import Key
from worker_agent.core.shares import everything
from worker_agent.core.state import Phase
from worker_agent.protocol import messages as msg
from worker_agent.protocol.events import Event
from worker_agent.protocol.outcome import Finished

HASHES = [str(number) * 64 for number in range(4)]
CALM_AFTER_S, PATIENCE_S = 150.0, 600.0


class Simulation:
    """A machine, the lives of its agent, and a master who wants jobs done."""

    def __init__(self, seed: int, faults: Faults, jobs: int = 12) -> None:
        self.machine = Machine(Clock(Random(seed), 1000.0), faults)
        self.random, self.jobs = self.machine.random, jobs
        self.links, self.kills, self.boots = 0, 0, 0
        self.launches: dict[Key, msg.Launch] = {}
        self.released: set[Key] = set()
        self.events: dict[int, Event] = {}
        self.outcomes: dict[Key, dict[int, str]] = {}
        self.life: Life | None = None
        self._begin()
        for number in range(jobs):
            self.machine.soon(self.random.uniform(0, CALM_AFTER_S / 2), lambda n=number: self._want(n, 1))
        self._every(faults.kill_every_s, self._light_fuse)
        self._every(faults.link_breaks_every_s, self._hang_up)
        self._every(faults.disk_full_every_s, self._fill_disk)
        self._every(faults.others_every_s, self._others)
        self._every(faults.gpu_gone_every_s, self._lose_gpu)
        self.machine.soon(1.0, self._round)
        self.machine.soon(CALM_AFTER_S, self._calm_down)

    def run(self) -> None:
        """Go on until the agent has left."""
        machine = self.machine
        while self.life is None or not self.life.effects.left:
            action = machine.clock.next()
            assert machine.now < 1000.0 + PATIENCE_S, f"hangs: {self._what_hangs()}"
            try:
                action()
            except Killed:
                self._die()
        self._check_end()

    # ---- what goes wrong

    def _every(self, mean_s: float, action: Callable[[], None]) -> None:
        self.machine.clock.every(mean_s, action, until=lambda: self.machine.calm)

    def _light_fuse(self) -> None:
        self.machine.fuse = self.random.randrange(8)

    def _die(self) -> None:
        """The agent is gone; its processes go on, kept or not, or the machine went down."""
        machine, life = self.machine, self.life
        self.kills += 1
        if life:
            life.dead = True
            machine.losses += bool(life.spool.pending)
        self.life = machine.listener = None
        if self.random.random() < machine.faults.reboot:
            self.boots += 1
            machine.losses += machine.lose_power() > 0
        machine.soon(self.random.uniform(0, 5), self._begin)

    def _begin(self) -> None:
        """Another agent starts: what the last one left is killed first, where nobody looks after it."""
        if not self.machine.keeper:
            self.machine.end_all_but(())
        self.machine.keeper = self.machine.hits(self.machine.faults.kept)
        # An agent that finds the disk full and is killed too may give numbers twice: it cannot remember them.
        self.machine.disk_is_full = False
        self.machine.synced = min(self.machine.synced, len(self.machine.file))
        self.life = Life(self.machine, f"boot{self.boots}", self._hear)
        self.machine.soon(self.random.uniform(0, 5), self._connect)

    def _hang_up(self) -> None:
        if self.life:
            self.life.link = 0
        self.machine.soon(self.random.uniform(0, 5), self._connect)

    def _fill_disk(self) -> None:
        self.machine.disk_is_full = True
        self.machine.soon(self.random.uniform(0, 15), self._empty_disk)

    def _empty_disk(self) -> None:
        self.machine.disk_is_full = False

    def _others(self) -> None:
        for name, device in self.machine.devices.items():
            free = everything(device) & ~self.machine.lock_of(name)
            taken = self.random.getrandbits(device.shares) if self.random.random() < 0.5 else 0
            self.machine.others[name] = taken & free

    def _lose_gpu(self) -> None:
        self._turn(lambda life: transitions.on_gpus_gone(life.state, ["gpu0"]))

    def _calm_down(self) -> None:
        self.machine.calm, self.machine.fuse, self.machine.disk_is_full = True, None, False
        self.machine.others.clear()

    # ---- the master

    def _turn(self, action: Callable[[Life], None]) -> None:
        life = self.life
        if life:
            life.turn(lambda: action(life))

    def _send(self, action: Callable[[Life], None]) -> None:
        """Say something to the agent: it may come twice, or be lost, and the link with it."""
        faults, life = self.machine.faults, self.life
        if life is None or not life.link:
            return
        if self.machine.hits(faults.message_lost):
            self._hang_up()
            return
        link = life.link

        def arrive() -> None:
            if self.life is life and life.link == link:
                life.turn(lambda: action(life))

        for _ in range(1 + self.machine.hits(faults.message_repeated)):
            self.machine.soon(self.random.uniform(0, 0.5), arrive)

    def _connect(self) -> None:
        life = self.life
        if life is None or life.link:
            return
        self.links += 1

        def greet() -> None:
            life.connect(self.links, self.links)

        life.turn(greet)

    def _want(self, number: int, attempt: int) -> None:
        chance = self.random
        needs = chance.sample(HASHES, chance.choice([0, 0, 1, 2]))
        launch = msg.Launch(
            *(f"job{number}", attempt, 2, ["x"]),
            mounts=[msg.Mount(name[0], artefact=name) for name in needs],
            gpu_bytes=chance.choice([None, None, 1_000, 40_000, 90_000]),
            gpu_use=chance.choice([msg.SHARED, msg.SHARED, msg.ALONE]),
            timeout_s=chance.choice([None, None, 6.0]),
            group=chance.choice([None, "g1", "g2"]),
        )
        self.launches[launch.job_id, attempt] = launch
        self._say_launch(launch)
        if chance.random() < 0.3:
            kind = chance.choice([msg.Cancel, msg.Withdraw])
            self.machine.soon(chance.uniform(0, 20), lambda: self._say_end(kind(launch.job_id, attempt)))

    def _say_launch(self, launch: msg.Launch) -> None:
        self._send(lambda life: transitions.on_launch(life.state, launch, self.machine.now))

    def _say_end(self, message: Any) -> None:
        handler: Any = transitions.on_cancel if message.type == "cancel" else transitions.on_withdraw
        self._send(lambda life: handler(life.state, message, self.machine.now))

    def _round(self) -> None:
        """What the agent and the master do every second."""
        self.machine.soon(1.0, self._round)
        self._turn(self._look_around)
        repeats = [key for key in self.launches if self.machine.calm or self.random.random() < 0.1]
        for key in repeats:
            self._repeat(key)
        if self.events and self.random.random() < 0.7:
            known = max(self.events)
            self._send(lambda life: transitions.on_ack(life.state, msg.Ack(known)))
        everything_is_home = len(self.released) == len(self.launches) == self.jobs
        if self.machine.calm and everything_is_home and self.life and not self.life.state.attempts:
            self._send(lambda life: transitions.on_shutdown(life.state))

    def _repeat(self, key: Key) -> None:
        if key not in self.outcomes or self.random.random() < 0.1:
            self._say_launch(self.launches[key])
        if key in self.outcomes:
            self.released.add(key)
            self._send(lambda life: transitions.on_release(life.state, msg.Release(*key)))

    def _look_around(self, life: Life) -> None:
        closed = {"cpu1": "in use by bob"} if self.machine.hits(0.1) else {}
        slot_assignment.on_others(life.state, self.machine.others, closed)
        staging.look_again(life.state)

    def _hear(self, message: msg.ToMaster) -> None:
        life = self.life
        if isinstance(message, Event):
            self._hear_event(message)
        elif isinstance(message, (msg.Wanted, msg.Rejected)) and life and life.link:
            self.machine.soon(self.random.uniform(0, 3), lambda: self._deliver(message.content_hash))

    def _hear_event(self, event: Event) -> None:
        known = self.events.setdefault(event.seq, event)
        assert known == event, f"number {event.seq} is given twice: {known} and {event}"
        if isinstance(event.detail, Finished):
            outcomes = self.outcomes.setdefault((event.job_id, event.attempt), {})
            outcomes[event.seq] = str(event.detail.outcome)
            assert len(outcomes) <= 1 + self.machine.losses, f"{event.job_id} has ended as {outcomes}"

    def _deliver(self, content_hash: str) -> None:
        self.machine.incoming[content_hash] = not self.machine.hits(self.machine.faults.bad_delivery)
        self._send(lambda life: staging.on_delivered(life.state, msg.Delivered(content_hash)))

    # ---- the end

    def _what_hangs(self) -> str:
        state = self.life.state if self.life else None
        return f"{state}\nwithout an outcome: {self.launches.keys() - self.outcomes.keys()}"

    def _check_end(self) -> None:
        assert self.life
        state, machine, memory = self.life.state, self.machine, self.life.spool.memory
        assert self.outcomes.keys() == self.launches.keys()
        # The run's files go with the agent: one that was asked to leave does not wait for late releases.
        kept = state.attempts.keys()
        assert all(attempt.phase is Phase.FINISHED for attempt in state.attempts.values())
        assert kept <= self.released and not state.slots and not any(state.waiting.values())
        assert set(machine.held) == state.draining and not machine.processes and not machine.starting
        assert machine.files <= kept, "files of an attempt are left"
        assert memory.launches.keys() == memory.finished == kept
        assert not memory.running and not memory.events
