"""The engine of a simulated pool: its queue, and allocations that end when their time is over, or before.

It outlives masters and knows nothing of them; a keeper asks it for one master.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

from master.core.running import commands as cmd
from master.core.running import events as ev
from tests.simulation.link import Tell
from tests.simulation.scene import Scene
from tests.simulation.tally import Tally
from tests.simulation.worker import Worker
from tests.support.simulated_clock import Clock

POOL = "pool"
LOOK_S = 10.0
"""Between two looks."""
_MOST_WAY_S = 3.0
"""For a submission to come through, or for a cancellation …"""
_MOST_LATE_S, _DOUBTED_S = 300.0, 30.0
"""… but for one of which nobody hears, until it is seen; after a while it is believed lost."""


@dataclass
class Lent:
    """An allocation that waits, or runs."""

    number: str
    runs: bool = False
    ends_at: float = inf


class Engine:
    """What there is of a pool."""

    def __init__(self, seats: Sequence[Worker], scene: Scene, clock: Clock, tally: Tally) -> None:
        self.scene, self.clock, self.tally = scene, clock, tally
        self.seats = {worker.name: worker for worker in seats}
        self.lent: dict[str, Lent] = {}
        self.doubles: list[tuple[str, Lent]] = []
        """What has come through unheard for seats that have an allocation."""
        self.is_over = False
        """The run has ended: nothing more comes through."""
        self.doubled: list[str] = []
        """Seats for which an allocation was asked for while they had one."""
        for worker in seats:
            worker.is_on = False
        if scene.preempted_every_s < inf and seats:
            clock.every(scene.preempted_every_s, self._preempt, until=lambda: clock.now >= scene.chaos.until)

    def submit(self, name: str) -> str:
        """Take an allocation into the queue."""
        if name in self.lent:
            self.doubled.append(name)
            return self.lent[name].number
        return self._take(name).number

    def come_through(self, name: str) -> None:
        """Take an allocation into the queue of which nobody hears."""
        self.tally.faults["a submission comes through unheard"] += 1
        if name in self.lent:
            self.doubles.append((name, Lent(str(self.clock.number()))))
        else:
            self._take(name)

    def give_back_doubles(self, name: str) -> None:
        """One allocation of a seat is its own: the others end when they are seen."""
        kept = [each for each in self.doubles if each[0] != name]
        self.tally.faults["a second allocation of a seat is given back"] += len(self.doubles) - len(kept)
        self.doubles = kept

    def _take(self, name: str) -> Lent:
        lent = self.lent[name] = Lent(str(self.clock.number()))
        self._queue(name, lent)
        return lent

    def _queue(self, name: str, lent: Lent) -> None:
        self.clock.soon(
            self.clock.random.expovariate(1 / self.scene.queued_s), lambda: self._begin(name, lent)
        )

    def end(self, name: str, lent: Lent | None = None) -> None:
        """End the allocation of a seat, and all that runs there."""
        found = self.lent.get(name)
        if found is None or (lent is not None and found is not lent):
            return
        del self.lent[name]
        if found.runs:
            self.seats[name].lose_power()
        for double in [each for each in self.doubles if each[0] == name][:1]:
            self.doubles.remove(double)
            self.lent[name] = double[1]
            self._queue(*double)

    def end_all(self) -> None:
        """The run is over: everything is given back."""
        self.doubles.clear()
        for name in list(self.lent):
            self.end(name)

    def _begin(self, name: str, lent: Lent) -> None:
        if self.lent.get(name) is not lent:
            return
        lent.runs, lent.ends_at = True, self.clock.now + self.scene.lent_s
        self.seats[name].is_on = True
        self.clock.soon(self.scene.lent_s, lambda: self.end(name, lent))

    def _preempt(self) -> None:
        running = [name for name, lent in self.lent.items() if lent.runs]
        if running:
            self.tally.faults["an allocation is preempted"] += 1
            self.end(self.clock.random.choice(running))


class Keeper:
    """Asks the engine for one start of the master, as `master/runs/fleet/pools/keeper.py` does."""

    def __init__(self, engine: Engine, tell: Tell) -> None:
        self._engine, self._tell, self._clock = engine, tell, engine.clock
        self._known: set[str] = set()
        self._under_way: set[str] = set()
        self._doubted: dict[str, float] = {}
        """Seats, and when a submission for them failed in an unclear way."""
        self.alive = True

    def start(self) -> None:
        """Begin to look."""
        self._engine.is_over = False
        if self._engine.seats:
            self._clock.soon(self._clock.random.uniform(0, 1), self._look)

    def carry_out(self, command: cmd.SubmitSeat | cmd.CancelSeat | cmd.Reach | cmd.Unreach) -> None:
        """Ask for an allocation, or give one back: that comes through though the master dies."""
        way_s, name = self._clock.random.uniform(0, _MOST_WAY_S), command.worker
        if isinstance(command, cmd.SubmitSeat) and self._is_unheard():
            self._doubted[name] = self._clock.now
            late_s = self._clock.random.uniform(0, _MOST_LATE_S)
            self._clock.soon(late_s, lambda: self._come_through(name))
        elif isinstance(command, cmd.SubmitSeat):
            self._under_way.add(name)
            self._clock.soon(way_s, lambda: self._submit(name))
        elif isinstance(command, cmd.CancelSeat):
            self._clock.soon(way_s, lambda: self._cancel(name, command.allocation))

    def close(self) -> None:
        """The run is over: everything is given back, what is on its way too."""
        self.alive = False
        self._engine.is_over = True
        self._engine.end_all()

    def _is_unheard(self) -> bool:
        scene, clock = self._engine.scene, self._clock
        return clock.now < scene.chaos.until and scene.unheard > 0 and clock.random.random() < scene.unheard

    def _come_through(self, name: str) -> None:
        if not self._engine.is_over:
            self._engine.come_through(name)

    def _cancel(self, name: str, number: str) -> None:
        lent = self._engine.lent.get(name)
        if lent and lent.number == number:
            self._engine.end(name, lent)

    def _submit(self, name: str) -> None:
        """What a master that died had asked for is found by its name: no second one is asked for."""
        if self._engine.is_over:
            return
        self._under_way.discard(name)
        lent = self._engine.lent.get(name)
        number = lent.number if lent else self._engine.submit(name)
        if self.alive:
            self._known.add(name)
            self._doubted.pop(name, None)
            self._tell(ev.SeatPending(self._clock.now, name, number), name, 0)

    def _look(self) -> None:
        if not self.alive:
            return
        self._clock.soon(LOOK_S, self._look)
        at = self._clock.now
        if at < self._engine.scene.chaos.until and self._clock.random.random() < 0.1:
            self._tell(ev.PoolUnseen(at, POOL, "slurmctld does not answer"), "", 0)
            return
        for name in self._engine.seats:
            self._see(name, self._engine.lent.get(name), at)
        self._tell(ev.PoolSeen(at, POOL), "", 0)

    def _see(self, name: str, lent: Lent | None, at: float) -> None:
        self._engine.give_back_doubles(name)
        if lent is None:
            if at - self._doubted.get(name, inf) >= _DOUBTED_S:
                del self._doubted[name]
                self._tell(ev.SeatEnded(at, name, "it could not be submitted"), name, 0)
            if name in self._known and name not in self._under_way:
                self._known.discard(name)
                self._tell(ev.SeatEnded(at, name, "it has ended"), name, 0)
            return
        self._known.add(name)
        self._doubted.pop(name, None)
        if lent.runs:
            self._tell(ev.SeatRunning(at, name, lent.number, lent.ends_at, "n1"), name, 0)
        else:
            self._tell(ev.SeatPending(at, name, lent.number, "Priority"), name, 0)
