"""A source that lies, stalls or is somebody else: late, never wrong.

Nothing that the master does not know is ever written, and the master is told within seconds.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import time

import pytest
from cryptography.hazmat.primitives import serialization

from master.adapters.peers import run_ca
from master.adapters.peers.run_ca import RunAuthority
from tests.support.peers import (
    HERE,
    PIECE_BYTES,
    PIECES,
    SOURCE,
    World,
    listening,
    port_of,
)
from worker_agent.peers.stream import Stream
from worker_agent.peers.wire import Wire, WireError

FALLS_BACK_S = 5.0
"""Within so much of something that goes wrong the master has been told."""


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


def test_a_worker_cannot_vouch_for_another(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its own key signs a certificate in the source's name, and it shows its own beside that."""
    own = world.authority.peering("lab7")
    forger = RunAuthority()
    key = serialization.load_pem_private_key(own.key.encode(), None)
    monkeypatch.setattr(forger, "_key", key)
    named, issuer = run_ca._named, run_ca._AUTHORITY
    names = {issuer: "twophase worker", "twophase worker": "forged"}
    monkeypatch.setattr(run_ca, "_named", lambda name: named(names[name]))
    forged = forger.peering(SOURCE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    (world.home / "forged.pem").write_text(forged.certificate + own.certificate + forged.key)
    context.load_cert_chain(world.home / "forged.pem")
    asked: list[object] = []

    def talk(connection: socket.socket) -> None:
        with (
            contextlib.suppress(WireError),
            contextlib.closing(Wire(connection, context, serving=True)) as wire,
        ):
            wire.greet(5.0)
            asked.append(wire.asked(5.0))

    with listening(talk) as port:
        said = world.taking(port).run()
    assert said and "CERTIFICATE_VERIFY_FAILED" in said and not asked
