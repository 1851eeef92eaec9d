"""What workers are told of each other."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from queue import SimpleQueue
from typing import cast

import pytest

from master.adapters.agent_client import WorkerLink
from master.adapters.inbox import Inbox
from master.core.running import commands as cmd
from master.core.running.spread import peer_events as peer
from master.transfers.home import Home
from master.transfers.peers.telling import SERVE_S, PeerTransfers
from master.transfers.remote import Remote
from master.transfers.reporter import Reporter
from tests.support.courier_world import WELCOME, Line
from worker_agent.protocol.artefacts.peering import MOST_SERVING_S, Chunks, Serve, StreamedFile, Take

NAME, OTHER = "a" * 64, "d" * 64
CHUNKS = Chunks([StreamedFile("model.pt", 3, False)], ["b" * 64])


class _Library:
    def __init__(self, **paths: Path) -> None:
        self.paths = paths


class _Home:
    library = _Library(**{NAME: Path("/store/x"), OTHER: Path("/store/y")})


def told(
    chunks_of: Callable[[Path, str], Chunks | None], *commands: cmd.Serve | cmd.Take
) -> tuple[list[object], list[object]]:
    """Return what the worker lab1 is told, and what the core is."""
    line, inbox = Line(None, welcome=replace(WELCOME)), cast(Inbox, SimpleQueue())
    remotes = {"lab1": Remote(cast(WorkerLink, line), "r1")}
    peers = PeerTransfers(cast(Home, _Home()), remotes, Reporter(inbox, lambda: 7.0), chunks_of)
    for command in commands:
        peers._tell(command)
    peers.close()
    events = list[object]()
    while not inbox.empty():
        events.append(getattr(inbox.get(), "event", None))
    return list(line.sent), events


SERVE = cmd.Serve("lab1", NAME, 3, ("lab2",))
TAKE = cmd.Take("lab1", NAME, 4, "lab2", ("10.0.0.2",), 4711)


def test_a_source_and_a_taker_are_told_what_the_pieces_hash_to() -> None:
    sent, events = told(
        lambda path, name: CHUNKS if (path, name) == (Path("/store/x"), NAME) else None, SERVE, TAKE
    )
    assert sent == [
        Serve(NAME, 3, ["lab2"], CHUNKS, SERVE_S),
        Take(NAME, 4, "lab2", ["10.0.0.2"], 4711, CHUNKS),
    ]
    assert events == [peer.Asked(7.0, "lab1", NAME, 3, 3)] and SERVE_S <= MOST_SERVING_S


def test_what_no_stream_can_carry_is_told_the_core() -> None:
    sent, (unfit,) = told(lambda path, name: None, SERVE)
    assert not sent and isinstance(unfit, peer.Unfit) and "links" in unfit.problem


@pytest.mark.parametrize("error", [OSError("Input/output error"), ValueError()])
def test_what_cannot_be_read_is_told_the_core(error: Exception) -> None:
    def fails(path: Path, name: str) -> Chunks | None:
        raise error

    sent, (unfit,) = told(fails, SERVE)
    assert not sent and isinstance(unfit, peer.Unfit)
    assert unfit.problem == f"it cannot be read here: {error or 'ValueError'}"


def test_a_base_model_that_has_gone_is_told_the_core_and_a_worker_that_has_gone_nothing() -> None:
    sent, (unfit,) = told(lambda path, name: CHUNKS, replace(TAKE, content_hash="c" * 64))
    assert not sent and isinstance(unfit, peer.Unfit)
    assert told(lambda path, name: CHUNKS, replace(TAKE, worker="lab9")) == ([], [])


def test_who_takes_what_was_hashed_does_not_wait_for_what_is_being_hashed() -> None:
    line, goes_on = Line(None, welcome=replace(WELCOME)), threading.Event()

    def chunks_of(path: Path, name: str) -> Chunks | None:
        assert name == NAME or goes_on.wait(10.0)
        return CHUNKS

    remotes = {"lab1": Remote(cast(WorkerLink, line), "r1")}
    peers = PeerTransfers(cast(Home, _Home()), remotes, Reporter(cast(Inbox, SimpleQueue())), chunks_of)
    peers.tell(SERVE)
    peers._hashing.submit(lambda: None).result(10.0)
    peers.tell(replace(SERVE, content_hash=OTHER))
    peers.tell(TAKE)
    peers._telling.submit(lambda: None).result(10.0)
    assert [type(message) for message in line.sent] == [Serve, Take]
    goes_on.set()
    peers._hashing.submit(lambda: None).result(10.0)
    peers.close()
    assert line.sent[2:] == [Serve(OTHER, 3, ["lab2"], CHUNKS, SERVE_S)]
