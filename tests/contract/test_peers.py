"""What the two ends of a transfer between workers keep to, whatever the other end does.

Late, never wrong: nothing that the master does not know is ever written, and a hostile end costs seconds.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from master.adapters.peers import chunking
from master.adapters.peers.run_ca import RunAuthority
from tests.support.peers import HERE, NAME, PIECE_BYTES, PIECES, TAKER, World, listening, made_by
from worker_agent.peers import serving, stream, taking, wire
from worker_agent.peers.serving import Server
from worker_agent.peers.stream import Stream
from worker_agent.peers.wire import Wire, WireError
from worker_agent.protocol.artefacts.peering import Received

FALLS_BACK_S = 5.0
"""Within so much of something that goes wrong the master has been told."""


@pytest.fixture(scope="module")
def authority() -> RunAuthority:
    return RunAuthority()


@pytest.fixture
def world(tmp_path: Path, authority: RunAuthority, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    for module in (chunking, stream):
        monkeypatch.setattr(module, "CHUNK_BYTES", PIECE_BYTES)
    made = World(tmp_path, authority)
    yield made
    for one in made.takings:
        one.stop()  # it would go on reporting


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what takes seconds take tenths."""
    for name, seconds in {"STALL_S": 0.4, "SLOW_S": 0.4, "WAIT_S": 0.8, "BEAT_S": 0.1}.items():
        monkeypatch.setattr(wire, name, seconds)
        if hasattr(serving, name):
            monkeypatch.setattr(serving, name, seconds)


def port_of(server: Server) -> int:
    return server.place[0]


# --- honest ends


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
        _await(lambda: [report.bytes for report in world.reports].count(PIECE_BYTES * 3 // 2) > 3)

    with world.hostile(script) as port:
        assert world.taking(port).run() is not None
    world.takings.pop().stop()
    with world.serving() as server:
        assert world.taking(port_of(server)).run() is None
    _await(lambda: [report.bytes for report in world.reports].count(whole) > 3)
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
        _await(lambda: server.is_over)
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((HERE, port), 1.0)


def test_the_port_is_closed_where_nobody_comes(world: World) -> None:
    with world.serving(seconds=0.1) as server:
        _await(lambda: server.is_over)


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


# --- hostile sources


def _flipped(world: World, wire: Wire, begin: int) -> None:
    for number in range(begin, PIECES):
        data = bytearray(world.piece(number))
        if number == 3:
            data[len(data) // 2] ^= 1
        wire.send_piece(bytes(data))


def _stops(world: World, wire: Wire, begin: int) -> None:
    for number in range(begin, PIECES - 1):
        wire.send_piece(world.piece(number))
    wire._send(struct.pack("!I", 7) + world.piece(PIECES - 1)[:-1], 5.0)


def _stays_silent(world: World, wire: Wire, begin: int) -> None:
    _stops(world, wire, begin)
    time.sleep(1.0)


def _drips(world: World, wire: Wire, begin: int) -> None:
    wire._send(struct.pack("!I", PIECE_BYTES), 5.0)
    for byte in world.piece(begin)[:100]:
        wire._send(bytes([byte]), 5.0)
        time.sleep(0.05)


def _begins_elsewhere(world: World, wire: Wire, begin: int) -> None:
    wire.send_piece(world.piece(begin + 1))


def _says_it_is_huge(world: World, wire: Wire, begin: int) -> None:
    wire._send(struct.pack("!I", 0xFFFFFFFF) + b"x" * 100_000, 5.0)


def _says_nothing(world: World, wire: Wire, begin: int) -> None:
    time.sleep(1.0)


def _only_waits(world: World, wire: Wire, begin: int) -> None:
    for _ in range(30):
        wire.say_waiting()
        time.sleep(0.1)


HOSTILE = {
    "a flipped bit": (_flipped, "something else as piece 3 of 5", 3),
    "stops at the end": (_stops, "closed", 4),
    "is silent at the end": (_stays_silent, "too slow", 4),
    "a byte now and then": (_drips, "too slow", 0),
    "begins elsewhere": (_begins_elsewhere, "something else as piece 0", 0),
    "a huge length": (_says_it_is_huge, "about to send 4294967295 bytes", 0),
    "says nothing": (_says_nothing, "too slow", 0),
    "only waits": (_only_waits, "no more to send", 0),
}


@pytest.mark.parametrize("what", HOSTILE)
@pytest.mark.usefixtures("impatient")
def test_a_hostile_source_costs_time_alone(world: World, what: str) -> None:
    act, problem, kept = HOSTILE[what]
    with world.hostile(lambda wire, stream, begin: act(world, wire, begin)) as port:
        said = world.taking(port).run()
    assert said and problem in said and said.startswith("lab0")
    assert _checked(world) == kept
    with world.serving() as server:
        assert world.taking(port_of(server)).run() is None
    assert world.is_whole()


def _checked(world: World) -> int:
    """Return how many pieces were kept; all that lies there beyond them is nothing."""
    found = b"".join((world.target / item.path).read_bytes() for item in world.stream.files)
    whole = b"".join((world.source / item.path).read_bytes() for item in world.stream.files)
    kept = sum(
        found[i : i + PIECE_BYTES] == whole[i : i + PIECE_BYTES] for i in range(0, len(whole), PIECE_BYTES)
    )
    rest = found[kept * PIECE_BYTES :]
    assert not rest.strip(b"\0"), "nothing that was not checked is on the disk"
    return kept


@pytest.mark.slow
@pytest.mark.parametrize("what", ["is silent at the end", "a byte now and then", "says nothing"])
def test_the_master_is_told_within_seconds(world: World, what: str) -> None:
    act, problem, _ = HOSTILE[what]
    last = time.monotonic()

    def script(wire: Wire, stream: Stream, begin: int) -> None:
        act(world, wire, begin)
        time.sleep(6.0)

    with world.hostile(script) as port:
        said = world.taking(port).run()
        last = time.monotonic() - last
    assert said and problem in said and last < FALLS_BACK_S + 1.0


def test_a_closed_port_is_told_at_once(world: World) -> None:
    with socket.create_server((HERE, 0)) as gone:
        port = gone.getsockname()[1]
    began = time.monotonic()
    said = world.taking(port).run()
    assert said == f"lab0 cannot send it: {HERE} port {port}: Connection refused"
    assert time.monotonic() - began < FALLS_BACK_S


@pytest.mark.slow
def test_who_does_not_greet_is_told_within_seconds(world: World) -> None:
    began = time.monotonic()
    with listening(lambda connection: time.sleep(FALLS_BACK_S)) as port:
        said = world.taking(port).run()
        assert said and time.monotonic() - began < FALLS_BACK_S


def test_who_is_no_worker_is_refused(world: World) -> None:
    with listening(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" * 100)) as port:
        said = world.taking(port).run()
    assert said and said.startswith("lab0 cannot send it: ")


def test_another_runs_source_is_refused(world: World) -> None:
    with world.hostile(lambda *_: None, by=RunAuthority()) as port:
        said = world.taking(port).run()
    assert said and "CERTIFICATE_VERIFY_FAILED" in said and not _checked(world)


def test_another_worker_of_the_run_is_refused(world: World) -> None:
    with world.hostile(lambda *_: None, worker="lab7") as port:
        said = world.taking(port).run()
    assert said == "lab0 cannot send it: somebody else answers in its place"


# --- hostile takers


def test_a_taker_of_another_run_gets_nothing(world: World) -> None:
    with world.serving() as server:
        said = world.taking(port_of(server), by=RunAuthority()).run()
        assert said is not None
        assert world.taking(port_of(server)).run() is None, "who may come still can"


def test_a_taker_that_trusts_the_source_and_has_another_runs_certificate_gets_nothing(world: World) -> None:
    foreign = RunAuthority().peering(TAKER)
    context = _client(world, None)
    own = world.home / "own.pem"
    own.write_text(foreign.certificate + foreign.key)
    context.load_cert_chain(own)
    with world.serving() as server:
        assert _asks(context, port_of(server)) == b""


def test_a_taker_without_a_certificate_gets_nothing(world: World) -> None:
    with world.serving() as server:
        assert _asks(_client(world, None), port_of(server)) == b""


def test_a_worker_that_was_not_named_gets_nothing(world: World) -> None:
    with world.serving() as server:
        said = world.taking(port_of(server), me="lab9").run()
        assert said == "lab0 cannot send it: it has closed the connection"
        assert world.taking(port_of(server)).run() is None


@pytest.mark.parametrize(
    ("name", "offset"),
    [("b" * 64, 0), (NAME, 1), (NAME, PIECE_BYTES - 1), (NAME, PIECE_BYTES * 9), (NAME, 2**64 - 1)],
)
def test_another_artefact_or_place_is_not_sent(world: World, name: str, offset: int) -> None:
    with world.serving() as server:
        connection = socket.create_connection((HERE, port_of(server)), 5.0)
        taker = Wire(connection, made_by(world.authority, TAKER).taking, serving=False)
        taker.greet(5.0)
        taker.ask(name, offset)
        with pytest.raises(WireError, match="closed"):
            taker.piece(PIECE_BYTES)
        taker.close()


def test_older_tls_is_refused(world: World) -> None:
    context = _client(world, made_by(world.authority, TAKER).taking)
    context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_2
    with world.serving() as server:
        assert _asks(context, port_of(server)) == b""


def test_many_at_the_door_do_not_keep_a_worker_out_for_long(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "OPEN_S", 0.3)
    with world.serving() as server:
        strangers = [socket.create_connection((HERE, port_of(server)), 5.0) for _ in range(12)]
        _await(lambda: not (server._strangers or server._wires))
        assert world.taking(port_of(server)).run() is None
        for stranger in strangers:
            stranger.close()
    assert world.is_whole()


@pytest.mark.usefixtures("impatient")
def test_a_taker_that_does_not_read_is_let_go(world: World) -> None:
    with world.serving() as server:
        connection = socket.create_connection((HERE, port_of(server)), 5.0)
        taker = Wire(connection, made_by(world.authority, TAKER).taking, serving=False)
        taker.greet(5.0)
        taker.ask(NAME, 0)
        _await(lambda: server.is_over)
        taker.close()


@pytest.mark.usefixtures("impatient")
def test_a_source_that_gets_no_more_itself_lets_go(world: World) -> None:
    empty = world.home / "empty"
    empty.mkdir()
    with world.serving(root=empty) as server:
        said = world.taking(port_of(server)).run()
        assert said and ("closed" in said or "no more to send" in said)
        _await(lambda: server.is_over)


def _client(world: World, context: ssl.SSLContext | None) -> ssl.SSLContext:
    """Return the context of a taker that may lack a certificate."""
    if context is None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(cadata=world.authority.peering(TAKER).authority)
    return context


def _asks(context: ssl.SSLContext, port: int) -> bytes:
    """Return what a source sends to a taker: nothing where it refuses it."""
    try:
        with socket.create_connection((HERE, port), 5.0) as raw, context.wrap_socket(raw) as tls:
            tls.sendall(struct.pack("!32sQ", bytes.fromhex(NAME), 0))
            return tls.recv(1)
    except OSError:
        return b""


def _await(is_so: Callable[[], bool]) -> None:
    for _ in range(1000):
        if is_so():
            return
        time.sleep(0.01)
    raise AssertionError("it does not come to that")
