"""A worker is asked for more slots over the link that there is."""

from __future__ import annotations

import threading

from master.core.running import events as ev
from tests.unit.master.adapters.link_world import SOON_S, WELCOME, World, welcome
from worker_agent.protocol import messages as msg


def anew(data: bytes) -> bytes:
    """An agent that is greeted again over a connection."""
    return msg.encode(WELCOME) if b'"hello"' in data else b""


def test_more_slots_are_asked_for_over_the_connection_that_there_is(world: World) -> None:
    channel = world.up()
    world.listener = anew
    world.link.have_slots(8)
    again = world.event()
    assert isinstance(again, ev.WorkerUp) and len(world.sessions) == 1
    asked = msg.decode(channel.sent.splitlines()[1])
    assert isinstance(asked, msg.Hello) and asked.settings.least_slots == 8
    world.listener = welcome
    channel.drop()
    while not isinstance(world.event(), ev.WorkerUp):
        pass
    greeted = msg.decode(world.channel.sent.splitlines()[0])
    assert isinstance(greeted, msg.Hello) and greeted.settings.least_slots == 8


def test_more_slots_that_are_asked_for_while_it_greets_are_asked_for_after_that(world: World) -> None:
    greets, waits, sent = threading.Event(), threading.Event(), list[bytes]()

    def slow(data: bytes) -> bytes:
        sent.append(data)
        greets.set()
        if len(sent) == 1:
            assert waits.wait(SOON_S)
            return welcome(data)
        return anew(data)

    world.listener = slow
    world.link.start()
    assert greets.wait(SOON_S)
    world.link.have_slots(8)
    waits.set()
    assert isinstance(world.event(), ev.WorkerUp) and isinstance(world.event(), ev.WorkerUp)
    hellos = [msg.decode(line) for data in sent for line in data.splitlines()]
    assert [hello.settings.least_slots for hello in hellos if isinstance(hello, msg.Hello)] == [None, 8]
