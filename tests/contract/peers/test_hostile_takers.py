"""Whoever may not take gets nothing, and keeps nobody out for long who may."""

from __future__ import annotations

import socket
import ssl
import struct

import pytest

from master.adapters.peers.run_ca import RunAuthority
from tests.support.peers import (
    HERE,
    NAME,
    PIECE_BYTES,
    TAKER,
    World,
    await_that,
    made_by,
    port_of,
)
from worker_agent.peers import serving
from worker_agent.peers.wire import Wire, WireError


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
        await_that(lambda: not (server._strangers or server._wires))
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
        await_that(lambda: server.is_over)
        taker.close()


@pytest.mark.usefixtures("impatient")
def test_a_source_that_gets_no_more_itself_lets_go(world: World) -> None:
    empty = world.home / "empty"
    empty.mkdir()
    with world.serving(root=empty) as server:
        said = world.taking(port_of(server)).run()
        assert said and ("closed" in said or "no more to send" in said)
        await_that(lambda: server.is_over)


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
