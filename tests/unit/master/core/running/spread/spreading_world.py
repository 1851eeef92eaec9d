"""A base model on its way to many workers, whose links have so much room; the core decides who feeds whom."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from random import Random

from master.core.planning.plan import Job, Plan
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.core.running.run_state import begin, step
from master.core.running.spread import peer_events as peer
from worker_agent.protocol.artefacts.fetching import Source
from worker_agent.protocol.artefacts.peering import CHUNK_BYTES

NAME = "a" * 64
STEP_S = 0.2
TICK_S = 0.25
CONNECT_S = 0.3
"""From the master's word to a source that it serves, or to a taker that it takes, until it does."""
NOTICED_S = 20.0
"""Until the master notices that a machine is gone."""


@dataclass(frozen=True)
class Scene:
    """Workers of one network, and what is wrong with some of them."""

    workers: int = 8
    """Those that lack the base model."""
    size: int = 2 << 30
    link: float = 25e6
    """Bytes per second, each way, of each machine."""
    holders: int = 1
    """Further workers, which have it."""
    slow: float = 1.0
    """One worker's link has so much of the usual."""
    dies: bool = False
    lies: bool = False
    peers: bool = True

    @property
    def ideal_s(self) -> float:
        """How long it takes to one worker."""
        return self.size / self.link


@dataclass
class Node:
    """A worker: what it has, and from whom it takes more."""

    name: str
    link: float
    bytes: int = 0
    source: str = ""
    """Empty: takes nothing; `master`: is sent it."""
    transfer: int = 0
    is_dead: bool = False
    lies: bool = False
    done_at: float | None = None


@dataclass
class SpreadingWorld:
    """The core and the machines.  `run` returns when each worker that lives had it, by name, in seconds."""

    scene: Scene
    seed: int
    now: float = 0.0
    sent: int = 0
    """How often the master sent it."""
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        scene, self.random = self.scene, Random(self.seed)
        self.nodes = {f"w{n}": Node(f"w{n}", scene.link) for n in range(scene.workers + scene.holders)}
        lacking = list(self.nodes)[scene.holders :]
        odd = self.nodes[self.random.choice(lacking)]
        self.odd = odd.name
        odd.link, odd.lies = odd.link * scene.slow, scene.lies
        self._heap: list[tuple[float, int, Callable[[], None]]] = []
        self._order = count()
        plan = Plan([Job("job", phase=2, needs="x")], {"x": NAME})
        self.state = RunState.fresh(plan, Policy(peers=scene.peers), list(self.nodes))
        begin(self.state, 0.0)
        for number, name in enumerate(self.nodes):
            cached = frozenset({NAME} if number < scene.holders else ())
            if cached:
                self.nodes[name].bytes = scene.size
            self.tell(ev.WorkerUp(0.0, name, 1, cached=cached, disk=name, is_peer=True))
        for name in lacking:
            self._later(self.random.uniform(0, 0.5), lambda name=name: self._want(name))  # type: ignore[misc]
        if scene.dies:
            self._later(self.random.uniform(0.1, 0.9) * scene.ideal_s, lambda: self.die(odd))
        self._tick()

    def run(self) -> dict[str, float]:
        while any(node.done_at is None and not node.is_dead for node in self._lacking()):
            self._carry()
            self.now += STEP_S
            while self._heap[0][0] <= self.now:
                heapq.heappop(self._heap)[2]()
            if self.now > 100 * self.scene.ideal_s:
                raise AssertionError(f"it never ends: {self.scene} {self.seed}")
        return {node.name: node.done_at for node in self._lacking() if node.done_at is not None}

    def _lacking(self) -> list[Node]:
        return list(self.nodes.values())[self.scene.holders :]

    def tell(self, event: ev.Event) -> None:
        for command in step(self.state, event).commands:
            self._execute(command)

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        heapq.heappush(self._heap, (self.now + seconds, next(self._order), action))

    def _tick(self) -> None:
        self.tell(ev.Tick(self.now))
        self._later(TICK_S, self._tick)

    def _want(self, name: str) -> None:
        self.tell(ev.ArtefactWanted(self.now, name, NAME))

    def die(self, node: Node) -> None:
        node.is_dead = True
        lost = ev.WorkerLost(self.now + NOTICED_S, node.name, "gone")
        self._later(NOTICED_S, lambda: self.tell(lost))

    # ---- what is asked

    def _execute(self, command: cmd.Command) -> None:
        match command:
            case cmd.Deliver(worker, _):
                self.sent += 1
                self._later(CONNECT_S, lambda: self._begin(self.nodes[worker], "master", 0))
            case cmd.Serve(worker, name, transfer, _):
                asked = (worker, name, transfer, self.scene.size)
                self._later(0.0, lambda: self.tell(peer.Asked(self.now, *asked)))
                if self.nodes[worker].is_dead:
                    return
                serving = lambda: peer.Serving(self.now, worker, name, transfer, ("10.0.0.1",), 4711)  # noqa: E731
                self._later(CONNECT_S, lambda: self.tell(serving()))
            case cmd.Take(worker, _, transfer, source):
                self._later(CONNECT_S, lambda: self._begin(self.nodes[worker], source, transfer))
            case cmd.Tell(text):
                self.told.append(text)

    def _begin(self, node: Node, source: str, transfer: int) -> None:
        if node.is_dead:
            return
        if source == "master":
            node.bytes = 0
        elif self.nodes[source].lies:
            failed = ev.FetchFailed(self.now, node.name, NAME, "a chunk is not what it should be", transfer)
            self.tell(failed)
            return
        node.source, node.transfer = source, transfer
        if transfer:
            self._report(node, transfer)

    def _report(self, node: Node, transfer: int) -> None:
        """Tell every second how far it is."""
        if node.transfer == transfer and not node.is_dead and node.done_at is None:
            whole = node.bytes - node.bytes % CHUNK_BYTES
            self.tell(peer.Received(self.now, node.name, NAME, transfer, whole))
            self._later(1.0, lambda: self._report(node, transfer))

    # ---- what the links carry

    def _carry(self) -> None:
        """Let all that is on its way go on for a step, each after its source."""
        fed: dict[str, list[Node]] = {}
        for node in self.nodes.values():
            if node.source and node.done_at is None and not node.is_dead:
                fed.setdefault(node.source, []).append(node)
        tops = [name for name in fed if name == "master" or not self._takes(self.nodes[name])]
        while tops:
            name = tops.pop()
            self._feed(name, fed.get(name, []))
            tops += [node.name for node in fed.get(name, [])]

    def _takes(self, node: Node) -> bool:
        return bool(node.source) and node.done_at is None and not node.is_dead

    def _feed(self, source: str, takers: list[Node]) -> None:
        """Share the room of a source's link: nobody gets more than he can take, nor what is not there yet."""
        there = self._there(source)
        room = (self.scene.link if source == "master" else self.nodes[source].link) * STEP_S
        wishes = [(min(node.link * STEP_S, max(0, there - node.bytes)), node.name) for node in takers]
        for left, (wish, name) in zip(range(len(wishes), 0, -1), sorted(wishes), strict=True):
            given = min(wish, room / left)
            room -= given
            node = self.nodes[name]
            node.bytes += int(given)
            if node.bytes >= self.scene.size - len(takers):
                self._finish(node)

    def _there(self, source: str) -> int:
        if source == "master":
            return self.scene.size
        node = self.nodes[source]
        whole = node.bytes if node.bytes >= self.scene.size else node.bytes - node.bytes % CHUNK_BYTES
        return 0 if node.is_dead else whole

    def _finish(self, node: Node) -> None:
        node.bytes, node.done_at = self.scene.size, self.now + STEP_S
        source = Source.PEER if node.source != "master" else Source.HERE
        if node.source == "master":
            self.tell(ev.Delivered(self.now, node.name, NAME))
        self.tell(ev.Fetched(self.now, node.name, NAME, source, self.now))
