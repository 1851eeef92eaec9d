"""Whatever peers say, and whenever they go: each has what it needs in the end."""

from __future__ import annotations

from random import Random

import pytest

from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.policy import Policy
from master.core.running.spread import peer_events as peer
from tests.unit.master.core.running.stage import LEASE_S, Stage, job
from worker_agent.protocol.artefacts.fetching import Source

NAMES = ("a" * 64, "b" * 64)
Asked = cmd.Deliver | cmd.Fetch | cmd.Serve | cmd.Take


class World:
    """The core, and workers that ask, serve, take, lie, go and come back as chance will have it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        workers = [f"w{number}" for number in range(self.random.randint(2, 6))]
        policy = Policy(lease_s=LEASE_S, max_deliveries=1000, peers=True)
        self.run = Stage(job(), workers=workers, in_store={"x": NAMES[0], "y": NAMES[1]}, policy=policy)
        self.asked: list[Asked] = []
        self.needs: dict[str, set[str]] = {name: set() for name in workers}
        self.serves: set[tuple[str, int]] = set()
        """Whom the core has asked to serve, and for which transfer."""
        for name in workers:
            self.come(name)

    def tell(self, event: ev.Event) -> None:
        for item in self.run.take(event).commands:
            if isinstance(item, cmd.Serve):
                self.serves.add((item.worker, item.transfer))
            if isinstance(item, cmd.Take):
                assert (item.source, item.transfer) in self.serves and item.source != item.worker
            if isinstance(item, Asked):
                self.asked.append(item)

    def tick(self) -> None:
        self.run.at += 0.25
        self.tell(ev.Tick(self.run.at))
        for taker in self.run.state.peers.all_takers():
            above, seen = taker, {taker.worker}
            while above := self.run.state.peers.taking(self._name_of(above), above.source):  # type: ignore[assignment]
                assert above.worker not in seen, "two take it from each other"
                seen.add(above.worker)
        assert max(self.run.state.peers.fed().values(), default=0) <= 2

    def _name_of(self, taker: object) -> str:
        spreads = self.run.state.peers.spreads.items()
        return next(name for name, spread in spreads if any(taker is one for one in spread.takers.values()))

    def come(self, name: str) -> None:
        self.asked = [item for item in self.asked if item.worker != name]
        cached = frozenset(self.random.sample(NAMES, self.random.randint(0, 1))) - self.needs[name]
        disk, able = self.random.choice(["d", "e", name, ""]), self.random.random() < 0.8
        self.tell(ev.WorkerUp(self.run.at, name, 1, cached=cached, disk=disk, is_peer=able))
        for lacking in sorted(self.needs[name]):
            self.tell(ev.ArtefactWanted(self.run.at, name, lacking))

    def disturb(self) -> None:
        """Let a worker want something, be lost, come back, or say what is not so."""
        name, artefact, at = self.random.choice(self.run.workers), self.random.choice(NAMES), self.run.at
        number = self.random.randint(0, self.run.state.peers.last_transfer)
        match self.random.randrange(12):
            case 0:
                self.tell(ev.WorkerLost(at, name, "reset"))
            case 1:
                self.come(name)
            case 2:
                self.tell(ev.FetchFailed(at, name, artefact, "nowhere", number))
            case 3:
                self.needs[name].discard(artefact)  # who says so is believed
                self.tell(ev.Fetched(at, name, artefact, self.random.choice(list(Source))))
            case 4:
                self.tell(peer.ServeFailed(at, name, artefact, number, "no"))
            case 5:
                self.tell(peer.Serving(at, name, artefact, number, ("10.0.0.1",), 1))
            case 6 if self.random.random() < 0.1:
                self.tell(peer.Unfit(at, artefact, "links"))
            case 6:
                self.tell(peer.Asked(at, name, artefact, number))
            case 7:
                self.tell(peer.Received(at, name, artefact, number, self.random.randrange(1 << 40)))
            case _:
                self.needs[name].add(artefact)
                self.tell(ev.ArtefactWanted(at, name, artefact))

    def answer(self, fails: float) -> None:
        """Let one of those that were asked for something answer."""
        item = self.asked.pop(self.random.randrange(len(self.asked)))
        key, broken = (self.run.at, item.worker, item.content_hash), self.random.random() < fails
        if isinstance(item, cmd.Serve):
            self.tell(peer.Asked(*key, item.transfer))
            tail = (item.transfer, "no") if broken else (item.transfer, ("10.0.0.1",), 1)
            self.tell((peer.ServeFailed if broken else peer.Serving)(*key, *tail))  # type: ignore[arg-type]
            return
        transfer = item.transfer if isinstance(item, cmd.Take) else 0
        if broken:
            failed = ev.DeliveryFailed if isinstance(item, cmd.Deliver) else ev.FetchFailed
            self.tell(failed(*key, "torn", *([transfer] if transfer else [])))  # type: ignore[arg-type]
            return
        self.needs[item.worker].discard(item.content_hash)
        if isinstance(item, cmd.Deliver):
            self.tell(ev.Delivered(*key))
        source = Source.PEER if transfer else Source.DISK if isinstance(item, cmd.Fetch) else Source.HERE
        self.tell(ev.Fetched(*key, source))


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_nothing_is_on_its_way_for_ever(first: int) -> None:
    for seed in range(first, first + 50):
        world = World(seed)
        for _ in range(world.random.randint(5, 80)):
            world.tick()
            world.disturb()
            if world.asked and world.random.random() < 0.6:
                world.answer(fails=0.3)
        for name in world.run.workers:
            if not world.run.state.workers[name].up:
                world.come(name)
        state = world.run.state
        calm_since = world.run.at
        while world.asked or state.behind or state.peers.spreads:
            world.tick()
            if world.asked:
                world.answer(fails=0.0)
            assert world.run.at < calm_since + 2 * LEASE_S, seed
        assert not state.sent, seed
        assert not any(view.delivering for view in state.workers.values()), seed
        assert not any(world.needs.values()), seed
