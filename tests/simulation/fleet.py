"""The workers of a simulated run: they join it and go from it while it goes on."""

from __future__ import annotations

from collections.abc import Mapping

from tests.simulation.home import Home
from tests.simulation.link import Link, Tell
from tests.simulation.worker import Worker
from worker_agent.protocol import messages as msg

_PARTING_S = 20.0


class Burning:
    """A link over which nothing is said without the danger of being killed."""

    def __init__(self, link: Link, home: Home) -> None:
        self._link, self._home = link, home
        self.start, self.begin_close = link.start, link.begin_close

    def send(self, message: msg.ToAgent) -> None:
        """Say something."""
        self._home.burn()
        self._link.send(message)


class Fleet:
    """What the dispatcher connects to workers by, and parts from them."""

    def __init__(self, workers: Mapping[str, Worker], home: Home, epoch: int, tell: Tell) -> None:
        self._workers, self._home, self._epoch, self._tell = workers, home, epoch, tell
        self.seats: frozenset[str] = frozenset()
        self.links: dict[str, Link] = {}
        self.to_say: dict[str, Burning] = {}
        """What the dispatcher speaks over."""
        self.parting: dict[str, Link] = {}
        """Of those that go: what is being carried comes home over these."""

    def take(self, name: str) -> Link:
        """Take a worker in, whom the journal knows from now on."""
        self.part(name)
        link = self.links[name] = Link(self._workers[name], self._epoch, self._tell)
        link.is_open = name not in self.seats
        self.to_say[name] = Burning(link, self._home)
        self._home.known.add(name)
        return link

    def of(self, name: str) -> Link:
        """Return the link that transfers use."""
        return self.links[name] if name in self.links else self.parting[name]

    def connect(self, name: str) -> None:
        """Begin to connect to a worker that joins."""
        self._home.burn()
        self.take(name).start()

    def have_slots(self, name: str, least: int | None) -> None:
        """Have at least so many jobs at a time on a worker."""
        self._home.burn()
        self.links[name].have_slots(least)

    def reach(self, name: str, *, is_open: bool) -> None:
        """Connect to a seat from now on, or no more."""
        self._home.burn()
        if link := self.links.get(name):
            link.is_open = is_open
            if not is_open:
                link.cut("its allocation is over")

    def let_go(self, name: str, *, answers: bool) -> None:
        """Part from a worker, and forget it where nothing of the run is there any more."""
        self._home.burn()
        if answers:
            self._home.known.discard(name)
        link = self.links.pop(name)
        del self.to_say[name]
        self.parting[name] = link
        link.clock.soon(link.clock.random.uniform(0, _PARTING_S), lambda: self.part(name))
        self._home.burn()

    def part(self, name: str) -> None:
        """End a link over which nothing is carried any more."""
        if link := self.parting.pop(name, None):
            link.begin_close()

    def close(self) -> None:
        """The master is gone."""
        for link in (*self.links.values(), *self.parting.values()):
            link.closed = True
