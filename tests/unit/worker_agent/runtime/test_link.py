"""One connection of a master: what comes in, in which order things go out, and how it ends."""

from __future__ import annotations

from typing import Any

import pytest

from worker_agent.protocol.messages import Event, MessageError, Ping, Pong, Refused, encode
from worker_agent.runtime.connection import link as link_module
from worker_agent.runtime.connection.link import Link, LinkError


class FakeSocket:
    """Takes so many bytes at a time, and then none for a while."""

    def __init__(self, room: int = 1 << 20) -> None:
        self.room, self.sent, self.closed = room, b"", False
        self.coming: list[bytes | OSError] = []

    def setblocking(self, flag: bool) -> None:
        assert not flag

    def recv(self, size: int) -> bytes:
        found = self.coming.pop(0) if self.coming else BlockingIOError()
        if isinstance(found, OSError):
            raise found
        return found

    def send(self, data: bytes) -> int:
        if not self.room:
            raise BlockingIOError
        count = min(self.room, len(data))
        self.room -= count
        self.sent += bytes(data[:count])
        return count

    def close(self) -> None:
        self.closed = True


def made(**more: Any) -> tuple[Link, FakeSocket]:
    socket = FakeSocket(**more)
    return Link(socket), socket  # type: ignore[arg-type]


def lines(*numbers: int) -> dict[int, bytes]:
    return {number: encode(Event(number, "running", "a", 1, 0.0, {})) for number in numbers}


def test_messages_come_in_however_they_are_cut() -> None:
    link, socket = made()
    data = encode(Ping(1)) + encode(Ping(2))
    socket.coming = [data[:10], data[10:]]
    assert [*link.receive(), *link.receive(), *link.receive()] == [Ping(1), Ping(2)]


def test_the_end_of_a_link_says_why() -> None:
    link, socket = made()
    socket.coming = [b"", ConnectionResetError(104, "Connection reset by peer"), b"nonsense\n"]
    with pytest.raises(LinkError, match="closed by the master"):
        list(link.receive())
    with pytest.raises(LinkError, match="Connection reset by peer"):
        list(link.receive())
    with pytest.raises(MessageError):
        list(link.receive())
    link.close()
    assert socket.closed


def test_events_go_out_after_the_greeting_and_before_what_is_said_after_them() -> None:
    link, socket = made()
    link.say(Pong(1))
    link.epoch = 1
    link.greet(Refused("x"), 2)
    assert not link.pump(4, lines(3, 4))
    assert socket.sent == encode(Refused("x")) + lines(3)[3] + lines(4)[4] + encode(Pong(1))
    assert link.sent_bytes == len(socket.sent)
    assert not link.pump(4, lines(3, 4)) and link.sent_bytes == len(socket.sent)


def test_before_a_hello_no_events_go_out() -> None:
    link, socket = made()
    link.greet(Refused("x"), 0)
    assert not link.pump(2, lines(1, 2))
    assert socket.sent == encode(Refused("x"))


def test_numbers_that_were_skipped_are_no_events() -> None:
    link, socket = made()
    link.epoch = 1
    link.greet(Refused("x"), 1)
    assert not link.pump(10_002, lines(10_002))
    assert socket.sent == encode(Refused("x")) + lines(10_002)[10_002]


def test_what_does_not_go_out_now_waits() -> None:
    link, socket = made(room=5)
    link.greet(Refused("x"), 0)
    assert link.pump(0, {})
    socket.room = 1000
    assert not link.pump(0, {})
    assert socket.sent == encode(Refused("x"))


def test_a_link_that_breaks_while_it_is_written_to_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    link, socket = made()

    def broken(data: bytes) -> int:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(socket, "send", broken)
    link.greet(Refused("x"), 0)
    with pytest.raises(LinkError, match="Broken pipe"):
        link.pump(0, {})


def test_a_master_who_does_not_read_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "MAX_BUFFER_BYTES", 50)
    link, _ = made()
    with pytest.raises(LinkError, match="has not read 50 bytes"):
        for number in range(10):
            link.say(Pong(number))
