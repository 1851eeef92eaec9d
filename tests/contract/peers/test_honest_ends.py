"""What the two ends of a transfer between workers do for each other."""

from __future__ import annotations

import socket
import struct
import threading

import pytest

from tests.support.peers import (
    HERE,
    PIECE_BYTES,
    PIECES,
    World,
    await_that,
    port_of,
)
from worker_agent.peers import taking
from worker_agent.peers.stream import Stream
from worker_agent.peers.wire import Wire
from worker_agent.protocol.artefacts.peering import Received


def test_all_of_it_comes_and_is_what_it_was(world: World) -> None:
    with world.serving() as server:
        assert world.taking(port_of(server)).run() is None
    assert world.is_whole()


def test_it_is_told_how_far_it_is_also_where_nothing_comes_and_until_somebody_says_to_stop(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "_TELL_S", 0.01)
    whole = world.chunks.total_bytes

    def script(wire: Wire, stream: Stream, begin: int) -> None:
        wire.send_piece(world.piece(0))
        wire._send(struct.pack("!I", PIECE_BYTES) + world.piece(1)[: PIECE_BYTES // 2], 5.0)
        await_that(lambda: [report.bytes for report in world.reports].count(PIECE_BYTES * 3 // 2) > 3)

    with world.hostile(script) as port:
        assert world.taking(port).run() is not None
    world.takings.pop().stop()
    with world.serving() as server:
        assert world.taking(port_of(server)).run() is None
    await_that(lambda: [report.bytes for report in world.reports].count(whole) > 3)
    assert world.reports[0].bytes == 0 and world.reports[0].seconds < 1.0


def test_it_goes_on_from_what_is_there(world: World) -> None:
    sent: list[int] = []

    def script(wire: Wire, stream: Stream, begin: int) -> None:
        for number in range(begin, 2):
            wire.send_piece(world.piece(number))

    with world.hostile(script) as port:
        assert world.taking(port).run() is not None
    with world.hostile(lambda wire, stream, begin: sent.append(begin)) as port:
        world.taking(port).run()
    assert sent == [2]
    with world.serving() as server:
        assert world.taking(port_of(server)).run() is None
    assert world.is_whole()


def test_what_was_checked_is_not_hashed_again_where_another_source_takes_over(world: World) -> None:
    sent: list[int] = []

    def script(wire: Wire, stream: Stream, begin: int) -> None:
        sent.append(begin)
        if not begin:
            wire.send_piece(world.piece(0))
            wire.send_piece(world.piece(1))

    with world.hostile(script) as port:
        first = world.taking(port)
        assert first.run() is not None
    whole = (world.target / "a.pt").read_bytes()
    (world.target / "a.pt").write_bytes(bytes(len(whole)))
    with world.hostile(script) as port:
        world.taking(port).run(first)
    (world.target / "a.pt").write_bytes(b"")
    with world.hostile(script) as port:
        world.taking(port).run(first)
    assert sent == [0, 2, 0], "but where the files are not as they were"


def test_what_rots_before_it_goes_on_comes_again(world: World) -> None:
    with world.serving() as server:
        world.taking(port_of(server)).run()
    with (world.target / "a.pt").open("r+b") as file:
        file.write(b"rotten")
    with world.serving() as server:
        assert world.taking(port_of(server)).run() is None
    assert world.is_whole()


def test_what_no_stream_has_brought_does_not_stay(world: World) -> None:
    (world.target / ".rsync-partial").mkdir(parents=True)
    (world.target / ".rsync-partial" / "a.pt").write_bytes(b"half")
    (world.target / "older").write_bytes(b"x")
    with world.serving() as server:
        assert world.taking(port_of(server)).run() is None
    assert world.is_whole()


def test_it_is_passed_on_while_it_comes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The source of the first taker keeps the last piece back until the second one has got the first."""
    monkeypatch.setattr(taking, "_TELL_S", 0.01)
    far, has_come = world.home / "far", threading.Event()

    def script(wire: Wire, stream: Stream, begin: int) -> None:
        for number in range(begin, PIECES):
            assert number < PIECES - 1 or has_come.wait(10.0)
            wire.send_piece(world.piece(number))

    def hear(report: Received) -> None:
        if report.bytes >= PIECE_BYTES:
            has_come.set()

    with world.hostile(script) as port, world.serving("lab2", root=world.target) as server:
        first = threading.Thread(target=world.taking(port).run)
        second = world.taking(port_of(server), me="lab2", target=far, tell=hear)
        first.start()
        assert second.run() is None
        first.join()
    assert world.is_whole(far) and world.is_whole()


def test_two_may_take_at_once(world: World) -> None:
    problems: list[str | None] = []
    with world.serving("lab1", "lab2") as server:
        both = [world.taking(port_of(server), me=me, target=world.home / me) for me in ("lab1", "lab2")]
        threads = [threading.Thread(target=lambda it=it: problems.append(it.run())) for it in both]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (
        problems == [None, None]
        and world.is_whole(world.home / "lab1")
        and world.is_whole(world.home / "lab2")
    )


def test_the_port_is_closed_once_all_have_come(world: World) -> None:
    with world.serving() as server:
        port = port_of(server)
        world.taking(port).run()
        await_that(lambda: server.is_over)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HERE, port), 1.0)


def test_the_port_is_closed_where_nobody_comes(world: World) -> None:
    with world.serving(seconds=0.1) as server:
        await_that(lambda: server.is_over)


def test_another_source_takes_over(world: World) -> None:
    is_asked = threading.Event()

    def script(wire: Wire, stream: Stream, begin: int) -> None:
        wire.send_piece(world.piece(0))
        is_asked.set()
        threading.Event().wait(1.0)

    with world.hostile(script) as port, world.serving() as server:
        first, problems = world.taking(port), list[str | None]()
        thread = threading.Thread(target=lambda: problems.append(first.run()))
        thread.start()
        assert is_asked.wait(5.0)
        assert world.taking(port_of(server)).run(first) is None
        thread.join()
    assert problems[0] and world.is_whole()


def test_who_is_told_to_stop_while_it_looks_at_what_is_there_does_so_at_once(world: World) -> None:
    with world.serving() as server:
        assert world.taking(port_of(server)).run() is None
    again = world.taking(1)
    again.stop()
    assert again.run() == "another source takes over" and again.pieces == 1


def test_who_is_told_to_stop_tries_no_further_address(world: World) -> None:
    with socket.create_server((HERE, 0)) as gone:
        port = gone.getsockname()[1]
    taking = world.taking(port)
    taking.stop()
    assert taking.run() == "lab0 cannot send it: another source takes over"


def test_nobody_waits_for_one_that_could_not_begin(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    first = world.taking(1)
    with monkeypatch.context() as without, pytest.raises(RuntimeError):
        without.setattr(threading, "Thread", refuse)
        first.run()
    assert first._ended.is_set()
