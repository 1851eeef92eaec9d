"""Whatever workers of one disk say, and whenever they go: nothing is on its way for ever."""

from __future__ import annotations

from random import Random

import pytest

from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.policy import Policy
from tests.unit.master.core.running.stage import LEASE_S, Stage, job
from worker_agent.protocol.artefacts.fetching import Source

NAMES = ("a" * 64, "b" * 64)


class World:
    """The core, and workers that ask, answer, lie, go and come back as chance will have it."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        workers = [f"w{number}" for number in range(self.random.randint(2, 5))]
        self.run = Stage(job(), workers=workers, policy=Policy(lease_s=LEASE_S, max_deliveries=1000))
        self.asked: list[cmd.Deliver | cmd.Fetch] = []
        """What workers and transfers have still to answer."""
        self.needs: dict[str, set[str]] = {name: set() for name in self.run.workers}
        for name in self.run.workers:
            self.come(name)

    def tell(self, event: ev.Event) -> None:
        commands = self.run.take(event).commands
        self.asked += [item for item in commands if isinstance(item, cmd.Deliver | cmd.Fetch)]

    def tick(self) -> None:
        self.run.at += 0.25
        self.tell(ev.Tick(self.run.at))

    def come(self, name: str) -> None:
        self.asked = [item for item in self.asked if item.worker != name]
        self.tell(ev.WorkerUp(self.run.at, name, 1, disk=self.random.choice(["d", "d", "e", ""])))
        for lacking in sorted(self.needs[name]):
            self.tell(ev.ArtefactWanted(self.run.at, name, lacking))

    def disturb(self) -> None:
        """Let a worker want something, be lost, come back, or say what is not so."""
        name, artefact, at = self.random.choice(self.run.workers), self.random.choice(NAMES), self.run.at
        match self.random.randrange(8):
            case 0:
                self.tell(ev.WorkerLost(at, name, "reset"))
            case 1:
                self.come(name)
            case 2:
                self.tell(ev.FetchFailed(at, name, artefact, "nowhere"))
            case 3:
                self.needs[name].discard(artefact)  # who says so is believed
                self.tell(ev.Fetched(at, name, artefact, self.random.choice(list(Source))))
            case _:
                self.needs[name].add(artefact)
                self.tell(ev.ArtefactWanted(at, name, artefact))

    def answer(self, fails: float) -> None:
        """Let one of those that were asked for something answer."""
        item = self.asked.pop(self.random.randrange(len(self.asked)))
        key = self.run.at, item.worker, item.content_hash
        if self.random.random() < fails:
            failed = ev.FetchFailed if isinstance(item, cmd.Fetch) else ev.DeliveryFailed
            self.tell(failed(*key, "torn"))
            return
        self.needs[item.worker].discard(item.content_hash)
        if isinstance(item, cmd.Deliver):
            self.tell(ev.Delivered(*key))
        source = Source.DISK if isinstance(item, cmd.Fetch) else Source.HERE
        self.tell(ev.Fetched(*key, source))


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_nothing_is_on_its_way_for_ever(first: int) -> None:
    for seed in range(first, first + 50):
        world = World(seed)
        for _ in range(world.random.randint(5, 60)):
            world.tick()
            world.disturb()
            if world.asked and world.random.random() < 0.5:
                world.answer(fails=0.3)
        for name in world.run.workers:
            if not world.run.state.workers[name].up:
                world.come(name)
        while world.asked or world.run.state.behind:
            world.tick()
            if world.asked:
                world.answer(fails=0.0)
        state = world.run.state
        assert not state.sent, seed
        assert not any(view.delivering for view in state.workers.values()), seed
        assert not any(world.needs.values()), seed
