"""Who is the master, and what becomes of those who are not."""

from __future__ import annotations

import selectors
from types import SimpleNamespace
from typing import Any

import pytest

from tests.unit.worker_agent.fakes import Records
from tests.unit.worker_agent.runtime.test_link import FakeSocket
from worker_agent.protocol.messages import PROTOCOL, Launch, Ping, Pong, Refused, Welcome, encode
from worker_agent.protocol.reports import WorkerFacts
from worker_agent.runtime.connection import connections as module
from worker_agent.runtime.connection import link as link_module
from worker_agent.runtime.connection.connections import Connections
from worker_agent.runtime.connection.link import Link

WELCOME = Welcome(PROTOCOL, "d", "b", [], 0.0, [], [], "/w", WorkerFacts())
BOTH = selectors.EVENT_READ | selectors.EVENT_WRITE


class Place:
    """Connections over sockets and a clock that a test plays."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.watched = 0.0, dict[Any, int]()
        selector: Any = SimpleNamespace(
            register=lambda socket, events, link: self.watched.update({socket: events}),
            modify=lambda socket, events, link: self.watched.update({socket: events}),
            unregister=self.watched.pop,
        )
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)
        monkeypatch.setattr(module, "complain", lambda text: None)
        self.records = Records()
        self.connections = Connections(selector, self.records)  # type: ignore[arg-type]

    def add(self, **more: Any) -> tuple[Link, FakeSocket]:
        socket = FakeSocket(**more)
        return self.connections.add(socket), socket  # type: ignore[arg-type]


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    return Place(monkeypatch)


def test_the_master_that_came_last_is_the_only_one(place: Place) -> None:
    (first, its_socket), (second, _) = place.add(), place.add()
    place.connections.welcome(first, 1, WELCOME, 0)
    place.connections.welcome(first, 2, WELCOME, 0)
    assert place.connections.master is first and first.epoch == 2
    place.connections.welcome(second, 2, WELCOME, 0)
    assert place.connections.master is second and its_socket.closed and first not in place.connections
    assert its_socket not in place.watched


def test_who_is_refused_is_told_why_and_dropped(place: Place) -> None:
    link, socket = place.add()
    place.connections.refuse(link, "too old")
    assert socket.sent == encode(Refused("too old")) and socket.closed and not place.connections
    place.connections.drop(link, "again")


def test_what_comes_over_a_link_that_is_dropped_meanwhile_is_not_heard(place: Place) -> None:
    link, socket = place.add()
    socket.coming = [encode(Ping(1)) + encode(Ping(2))]
    heard = []
    for message in place.connections.receive(link):
        heard.append(message)
        place.connections.drop(link, "a test")
    assert heard == [Ping(1)]


@pytest.mark.parametrize("coming", [b"nonsense\n", b""])
def test_a_link_that_ends_or_says_nonsense_is_dropped(place: Place, coming: bytes) -> None:
    link, socket = place.add()
    place.connections.welcome(link, 1, WELCOME, 0)
    socket.coming = [coming]
    assert list(place.connections.receive(link)) == [] and place.connections.master is None


def test_without_a_master_nothing_is_said(place: Place) -> None:
    _, socket = place.add()
    place.connections.say(Pong(1))
    place.connections.pump()
    assert socket.sent == b"" and place.connections.quiet_s() == 0.0


def test_after_something_was_sent_it_is_quiet_for_a_moment(place: Place) -> None:
    link, socket = place.add()
    place.connections.welcome(link, 1, WELCOME, 0)
    place.connections.say(Pong(1))
    place.connections.pump()
    assert socket.sent == encode(WELCOME) + encode(Pong(1)) and 0.0 < place.connections.quiet_s() < 0.1
    place.now += 1.0
    assert place.connections.quiet_s() == 0.0


def test_a_link_that_takes_no_more_is_waited_for(place: Place) -> None:
    link, socket = place.add(room=3)
    place.connections.welcome(link, 1, WELCOME, 0)
    place.connections.pump()
    assert place.watched[socket] == BOTH and place.connections.quiet_s() == 0.0
    socket.room = 10_000
    place.connections.pump()
    assert place.watched[socket] == selectors.EVENT_READ


def test_a_master_who_does_not_read_and_one_who_is_gone_are_dropped(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, _ = place.add()
    place.connections.welcome(link, 1, WELCOME, 0)
    monkeypatch.setattr(link_module, "MAX_BUFFER_BYTES", 10)
    place.connections.say(Pong(1))
    assert place.connections.master is None
    link, socket = place.add()
    place.connections.welcome(link, 1, WELCOME, 0)
    monkeypatch.setattr(socket, "send", lambda data: (_ for _ in ()).throw(BrokenPipeError(32, "gone")))
    place.connections.pump()
    assert place.connections.master is None


def test_all_are_dropped_at_the_end(place: Place) -> None:
    sockets = [place.add()[1] for _ in range(2)]
    place.connections.close()
    assert all(socket.closed for socket in sockets) and not place.watched


def test_while_much_happens_more_of_it_goes_out_together(place: Place) -> None:
    link, _ = place.add()
    place.connections.welcome(link, 1, WELCOME, 0)

    def quiet_after(events: int) -> float:
        place.now += 1.0
        place.records.memory.seq += events
        place.connections.say(Pong(1))
        place.connections.pump()
        return place.connections.quiet_s()

    usual = quiet_after(1)
    place.records.memory.launches.update({("a", n): Launch("a", n, 2, ["x"]) for n in range(20)})
    assert quiet_after(10) > 2 * usual and quiet_after(10) > 2 * usual
    assert quiet_after(1) == pytest.approx(usual)
    place.records.memory.finished.update(("a", n) for n in range(15))
    assert quiet_after(10) == pytest.approx(usual), "the last ones are told at once"
