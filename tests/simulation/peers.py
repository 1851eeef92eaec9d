"""What goes from worker to worker in a simulated run: peers refuse, lie, stall and go."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation.scene import Scene
from tests.simulation.worker import Worker
from worker_agent.peers.base import PeerError, Taken, Tell
from worker_agent.protocol.artefacts.peering import Peering, Received, Serve, Take

ADDRESS = "10.0.0.1"
_LEAST_PORT = 1024
BYTES = 100


@dataclass(frozen=True)
class _Door:
    """Where a worker serves."""

    worker: Worker
    item: Serve
    deaths: int
    """How many of its agents had died then: with that one it is closed."""


@dataclass
class Streets:
    """All ways from worker to worker."""

    scene: Scene
    doors: dict[int, _Door] = field(default_factory=dict)
    """By port."""

    def let_meet(self, workers: Sequence[Worker]) -> None:
        """Let workers reach each other; those that cannot be reached tell no address."""
        for number, worker in enumerate(workers if self.scene.peers else ()):
            if number or not self.scene.one_is_no_peer:
                worker.addresses = [ADDRESS]
            worker.machine.open_network = lambda tell, worker=worker: Network(self, worker, tell)

    def door(self, port: int, taker: str) -> _Door | None:
        """Return where a worker may enter; None where nobody is there, or it may not."""
        door = self.doors.get(port)
        if door is None or not door.worker.is_on or door.worker.life is None:
            return None
        return door if door.deaths == door.worker.deaths and taker in door.item.takers else None


class Network:
    """Who a worker is to the others, what it serves and what it takes: as `worker_agent/peers` has it."""

    def __init__(self, streets: Streets, worker: Worker, tell: Tell) -> None:
        self._streets, self._worker, self._tell = streets, worker, tell
        self._takes: dict[str, int] = {}
        self._left: dict[str, int] = {}
        """How much of an artefact has still to come; what has come stays."""
        self._deaths = worker.deaths

    def meet(self, peering: Peering) -> None:
        """All know each other here."""

    def serve(self, item: Serve, places: Sequence[Path]) -> tuple[int, list[str]]:
        """Open a door, or not."""
        if self._hits(self._streets.scene.chaos.peer_refuses):
            raise PeerError("nothing can listen here")
        port = _LEAST_PORT + self._worker.clock.number()
        self._streets.doors[port] = _Door(self._worker, item, self._worker.deaths)
        return port, [ADDRESS]

    def take(self, item: Take, incoming: Path) -> None:
        """Begin to take, in the place of what was begun before."""
        self._takes[item.content_hash] = item.transfer
        chaos, clock = self._streets.scene.chaos, self._worker.clock
        lies, stalls = self._hits(chaos.peer_lies), self._hits(chaos.peer_stalls)
        fate = _stall if stalls else _lie if lies else _send
        self._left.setdefault(item.content_hash, clock.random.randint(0, 6))
        clock.soon(clock.random.uniform(0, 1), lambda: self._go_on(item, fate))

    def leave(self, content_hash: str) -> None:
        """Take something no more."""
        self._takes.pop(content_hash, None)

    def close(self) -> None:
        """Take nothing more."""
        self._takes.clear()

    def _hits(self, chance: float) -> bool:
        clock = self._worker.clock
        return clock.now < self._streets.scene.chaos.until and clock.random.random() < chance

    def _go_on(self, item: Take, fate: Fate) -> None:
        """Let a second pass."""
        name, clock = item.content_hash, self._worker.clock
        if self._takes.get(name) != item.transfer or self._worker.deaths != self._deaths:
            return
        left = self._left[name]
        # Of a source that stalls the last byte never comes; else it waits at the end for one that hashes yet.
        came = BYTES - 10 * left - (fate is _stall)
        self._tell(Received(name, item.transfer, came, 1.0))
        door = self._streets.door(item.port, self._worker.name)
        problem = "it has closed the connection" if door is None else fate(door.worker, name, left)
        if problem == _MORE:
            self._left[name] = left if fate is _stall else max(0, left - 1)
            clock.soon(1.0, lambda: self._go_on(item, fate))
            return
        del self._takes[name], self._left[name]
        if problem is None and self._worker.machine.disk_is_full:
            problem = "no space left"
        if problem is None:
            self._worker.machine.incoming[name] = True
            self._worker.tally.passed_on += 1
        self._tell(Taken(name, item.transfer, problem))


_MORE = "there is more to come"
Fate = Callable[[Worker, str, int], "str | None"]
"""Tells what is wrong with what a source sends of an artefact, `_MORE` while it goes on, None at the end."""


def _send(source: Worker, name: str, left: int) -> str | None:
    found = source.machine.cache.get(name)
    if found == "present":
        return _MORE if left else None
    # Where it has none it waits until some has come: it may be about to take it.
    return "a piece of it is not what it should be" if found else _MORE


def _lie(source: Worker, name: str, left: int) -> str | None:
    return "a piece of it is not what it should be"


def _stall(source: Worker, name: str, left: int) -> str | None:
    return _MORE
