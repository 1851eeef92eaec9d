"""A worker of a simulated run: a machine that may go bad, and the agents that live on it one after another.

The agents are real but for what reaches out of their process: their core, records, recovery and effects.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

from master.core.planning.plan import BASE_MODELS
from tests.simulation.scene import Scene
from tests.simulation.tally import Execution, Key, Tally, Thrown
from tests.support.simulated_clock import Clock
from tests.unit.worker_agent.life import Life
from tests.unit.worker_agent.machine import Faults, Machine
from worker_agent.core import commands as cmd
from worker_agent.core import staging
from worker_agent.core.shares import Device
from worker_agent.core.state import Phase
from worker_agent.protocol import messages as msg
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.digests import FileDigest, content_hash
from worker_agent.protocol.outcome import BaseModelLeft, CheckpointLeft
from worker_agent.protocol.reports import WorkerFacts
from worker_agent.runtime.connection.conversation import message_handlers
from worker_agent.runtime.connection.greeting import Reception
from worker_agent.runtime.recovery import ended_and_told

RUN_ID = "run"
NO_MODULE = "ModuleNotFoundError: No module named 'a'"
_ROTTEN = ("rotten", "silently rotten")
_FAULTS = Faults(start_fails=0.0, fails=0.0, collect_fails=0.0, cache_changes=0.0)
"""What else goes wrong is in `Chaos`."""


def digest(text: str) -> str:
    """Return what stands for the content hash of what a text describes."""
    return sha256(text.encode()).hexdigest()


class SimulatedMachine(Machine):
    """One on which jobs end as a scene says."""

    scene: Scene
    spoiled: set[Key]
    """Attempts that started from rotten bytes."""

    def exit_code(self, launch: msg.Launch) -> int:
        """Decide how a process will end: no script can do anything with rotten bytes."""
        if (launch.job_id, launch.attempt) in self.spoiled or self.hits(self.scene.chaos.fails):
            return 1
        return 75 if self.hits(self.scene.chaos.asks_again) else 0


def cpus(count: int) -> dict[str, Device]:
    """Return so many CPU slots."""
    return {f"cpu{n}": Device(f"cpu{n}", lock=f"cpu{n}") for n in range(count)}


class Worker:
    """The machine, and the agent that lives there now, if any."""

    def __init__(self, name: str, scene: Scene, clock: Clock, tally: Tally) -> None:
        self.name, self.scene, self.clock, self.tally = name, scene, clock, tally
        self.most_slots = scene.slots
        """That its agents ever had."""
        self.devices = cpus(scene.slots)
        self.machine = SimulatedMachine(clock, _FAULTS, self.devices, scene.job_s)
        self.machine.scene, self.machine.spoiled = scene, set()
        self.machine.on_invoke, self.machine.on_start = self._look, self._note_start
        self.machine.leave = self._leave
        self.machine.on_discard = self._note_discard
        self.disk = ""
        """What its agents say of the disk of their cache."""
        self.addresses: list[str] = []
        """Where its agents say that others can reach it."""
        self.life: Life | None = None
        self.is_on, self.buried = True, False
        self.away_until = 0.0
        self.boots = 0
        self.deaths = 0
        self._began_at: dict[Key, float] = {}
        self._began: dict[Key, int] = {}
        """How many agents had died when an attempt began: what dead ones knew of rot is lost."""
        self._looks: dict[Key, bool] = {}
        """Whether what an attempt was about to start from was sound as far as one could tell."""
        self.rotten_results: set[Key] = set()
        self.hear: Callable[[msg.ToMaster], None] = lambda message: None
        """Who is told what the agent says."""
        self.has_ended: Callable[[str], bool] = lambda job_id: False
        """Tells whether the journal says that a job has ended."""

    # ---- its agents

    def live(self) -> None:
        """Let an agent begin, where none lives."""
        if self.life is None:
            if not self.machine.keeper:
                self.machine.end_all_but(())
            self.machine.keeper = self.clock.random.random() < self.scene.chaos.kept
            self.life = Life(self.machine, f"boot{self.boots}", lambda message: self.hear(message))

    def greet(self, hello: msg.Hello, connection: int) -> msg.Welcome | msg.Refused:
        """Take a master in, or say why not.  An agent must live."""
        life: Any = self.life
        identity: Any = SimpleNamespace(layout=SimpleNamespace(run_id=RUN_ID))
        nothing: Any = None
        try:
            Reception(identity, life.state, life.spool, nothing, nothing, nothing).check(hello)
        except MessageError as error:
            return msg.Refused(str(error))
        slots = max(self.scene.slots, hello.settings.least_slots or 0)
        self.devices.clear()
        self.devices.update(cpus(slots))  # the same that the agent looks at
        self.most_slots = max(slots, self.most_slots)
        attempts = [msg.AttemptKey(*key) for key in life.connect(connection, hello.epoch)]
        cached = [name for name, found in self.machine.cache.items() if found != "missing"]
        ended = [msg.AttemptKey(*key) for key in ended_and_told(life.state, life.spool.memory)]
        names = list(self.machine.devices)
        said = (
            msg.PROTOCOL,
            "",
            life.boot_id,
            names,
            0.0,
            attempts,
            cached,
            "/w",
            WorkerFacts(disk=self.disk, peers=self.addresses),
        )
        return msg.Welcome(*said, ended=ended)

    def take(self, message: Any) -> None:
        """Let the agent do what its master says."""
        life: Any = self.life
        if isinstance(message, msg.Ack):
            self._note_acknowledged(message.seq)
        checkpoints: Any = SimpleNamespace(without_older=lambda item: item, drop=lambda job_id: None)
        watches: Any = SimpleNamespace(begin=None, go_on=None, end=None)
        handlers = message_handlers(
            life.state, checkpoints, checkpoints, watches, life.peers, lambda: self.clock.now
        )
        life.turn(partial(handlers[type(message)], message))

    def _note_acknowledged(self, upto: int) -> None:
        events = self.life.spool.memory.events.values() if self.life else ()
        told = [event for event in events if event.seq <= upto]
        self.tally.acknowledged += [(self.name, (item.job_id, item.attempt), item.kind) for item in told]

    def die(self) -> None:
        """The agent is killed."""
        self.deaths += 1
        if self.life:
            self.life.dead = True
        self.life = self.machine.listener = None

    def look_around(self) -> None:
        """Let the agent see whether another run brought what it waits for."""
        if life := self.life:
            life.turn(lambda: staging.look_again(life.state))

    # ---- what goes wrong with it

    def lose_power(self, *, spool: bool = False) -> None:
        """The machine goes down; with `spool` it forgets what its agents knew."""
        self.die()
        self.is_on, self.boots = False, self.boots + 1
        self.machine.lose_power()
        if spool:
            self.machine.file.clear()
            self.machine.synced = 0

    def wipe(self) -> None:
        """The work directory is gone."""
        for lost in (self.machine.cache, self.machine.incoming, self.machine.files):
            lost.clear()

    def rot(self) -> None:
        """A bit flips in the cache: that shows in the file's size and times, or not."""
        if found := sorted(name for name, how in self.machine.cache.items() if how == "present"):
            random = self.clock.random
            self.machine.cache[random.choice(found)] = random.choice(_ROTTEN)

    def rot_results(self) -> None:
        """A bit flips in an outcome."""
        if self.machine.files:
            self.rotten_results.add(self.clock.random.choice(sorted(self.machine.files)))

    # ---- what its jobs do

    def running(self) -> list[Key]:
        """Return the attempts whose processes run."""
        return list(self.machine.processes)

    def began_at(self, key: Key) -> float:
        """Return when the process of an attempt began."""
        return self._began_at[key]

    def is_stopping(self, key: Key) -> bool:
        """Return whether the agent has been told to end an attempt."""
        attempt = self.life.state.attempts.get(key) if self.life else None
        return attempt is not None and attempt.verdict is not None

    def knows(self, key: Key) -> bool:
        """Return whether the agent that lives knows of an attempt."""
        return self.life is not None and key in self.life.state.attempts

    def group_of(self, key: Key) -> str:
        """Return what an attempt trains at once with, as far as the agent knows."""
        attempt = self.life.state.attempts.get(key) if self.life else None
        return attempt.launch.group or "" if attempt else ""

    def waits_for_slot_or_data(self, key: Key) -> bool:
        """Return whether an attempt has not begun."""
        return self.life is not None and self.life.state.attempts[key].phase is Phase.QUEUED

    def _look(self, launch: msg.Launch) -> None:
        """See what an attempt is about to start from."""
        found = self.machine.cache.get(launch.base_model or "", "missing")
        self._looks[launch.job_id, launch.attempt] = found in ("present", "silently rotten")

    def _note_start(self, launch: msg.Launch) -> None:
        key, base = (launch.job_id, launch.attempt), launch.base_model or ""
        found = self.machine.cache.get(base)
        self.machine.spoiled.discard(key)  # its number may be given again where journal and spool are lost
        if base and found != "present":
            self.machine.spoiled.add(key)
        self._began_at[key] = self.clock.now
        # What was set aside between the last look and the beginning nobody can tell from a bug.
        self._began[key] = self.deaths if found else -1
        self.tally.executions.append(Execution(key, self.name, base, not base or self._looks[key]))

    def _note_discard(self, item: cmd.Discard) -> None:
        if item.succeeded:
            self.tally.thrown.append(Thrown(item.key, self.name, self.has_ended(item.key[0])))

    def _leave(self, item: cmd.Collect) -> cmd.Collected:
        key = item.exit.key
        if not item.succeeded:
            return self._leave_in_vain(item)
        made = digest(key[0] if self.scene.same_bytes else f"{key[0]}#{key[1]}@{self.name}")
        files = [FileDigest("out.txt", 1, made)]
        self.tally.note_made(key, content_hash(files))
        if key[0].startswith(BASE_MODELS):
            self.machine.cache[content_hash(files)] = "present"
            return cmd.Collected(base_model=BaseModelLeft(content_hash(files), files))
        return cmd.Collected(files=files)

    def _leave_in_vain(self, item: cmd.Collect) -> cmd.Collected:
        chaos, chance = self.scene.chaos, self.clock.random.random()
        checkpoint = CheckpointLeft(digest("c"), []) if chance < chaos.leaves_checkpoint else None
        key = item.exit.key
        excused = key in self.machine.spoiled and self._began[key] == self.deaths
        if item.exit.exit_code != 1 or excused:
            return cmd.Collected(checkpoint=checkpoint)
        self.tally.own_failures[key[0]] += 1
        words = NO_MODULE if self.clock.random.random() < chaos.hopeless else "ValueError: nan"
        return cmd.Collected(stderr_tail=words, checkpoint=checkpoint)
