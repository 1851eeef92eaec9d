"""What workers are told of each other."""

from __future__ import annotations

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

NAME = "a" * 64
CHUNKS = Chunks([StreamedFile("model.pt", 3, False)], ["b" * 64])


class _Library:
    def __init__(self, **paths: Path) -> None:
        self.paths = paths


class _Home:
    library = _Library(**{NAME: Path("/store/x")})


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
