"""A worker that says anything: every message, by its fields, and in every wrong place; only its job suffers.

Rows come from the types of the messages, so that a new message or field is attacked without a change here.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, get_args

import pytest

from master.adapters import agent_client
from master.core.running.lifecycle import State
from master.runs import dispatcher
from tests.support.lying_worker import HONEST, OTHERS, OWN, WAITING, LyingWorld, spoken
from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.fetching import Fetch, Fetched, FetchFailed, Source
from worker_agent.protocol.artefacts.peering import (
    Chunks,
    Peering,
    Received,
    Serve,
    ServeFailed,
    Serving,
    StreamedFile,
    Take,
)
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.digests import FileDigest
from worker_agent.protocol.events import Event, EventKind, Running, Staging, Ticks
from worker_agent.protocol.logs.watching import LogChunk
from worker_agent.protocol.outcome import BaseModelLeft, CheckpointLeft, Finished, LeftOut, Outcome
from worker_agent.protocol.reports import GpuUse, Progress, Released, Said, Slots, Usage, WorkerFacts

MEMORY = Path("/dev/shm")
"""Where a journal costs no disk: each attack has one of its own."""
ROOT = Path(__file__).resolve().parents[2]
FILE = FileDigest("a", 3, "0" * 64)
ENDING = Finished(
    *(Outcome.SUCCEEDED, 0, "e", "cpu0", 1.0, 2.0, 3, 4, "tail"),
    *([FILE], ["empty"], ["a"], [LeftOut("b", "large")], FILE, {"a": "b25l"}),
    *(BaseModelLeft("c" * 64, [FILE], "conv"), CheckpointLeft("d" * 64, [FILE])),
    *("process", "note", ["sleep"], "g1", 2),
)
SAMPLES: dict[str, msg.Message] = {
    "welcome": msg.Welcome(
        *(msg.PROTOCOL, "d", "boot", ["cpu0"], 0, [msg.AttemptKey(OWN, 1)], ["e" * 64], "/work"),
        *(
            WorkerFacts(
                *("h", "3.11", "2.6", 8, 1, 1, "cgroup", True, "d" * 32),
                *(["192.0.2.7"], {"gpu0": "H"}, "6.1"),
            ),
            [msg.AttemptKey(OWN, 2)],
            [1],
            1,
            ["gpu0: why"],
        ),
    ),
    "refused": msg.Refused("no", passing=True),
    "event staging": Event(1, EventKind.STAGING, OWN, 1, 5.0, Staging()),
    "event running": Event(2, EventKind.RUNNING, OWN, 1, 5.0, Running("cpu0", 7, Ticks(1, 2))),
    "event finished": Event(3, EventKind.FINISHED, OWN, 1, 5.0, ENDING),
    "wanted": msg.Wanted("f" * 64),
    "rejected": msg.Rejected("f" * 64, "torn"),
    "fetched": Fetched("f" * 64, Source.PEER, 1.5, 2),
    "fetch_failed": FetchFailed("f" * 64, "nowhere", 2),
    "serving": Serving("f" * 64, 2, 40_001, ["192.0.2.7"]),
    "serve_failed": ServeFailed("f" * 64, 2, "no address"),
    "received": Received("f" * 64, 2, 1 << 22, 1.5),
    "released": Released(OWN, 1),
    "progress": Progress(OWN, 1, Said("line", 1.0, 2.0, {"loss": 1.0})),
    "slots": Slots(1, ["note"], ["gpu0: why"]),
    "usage": Usage(50.0, 1, 2, [GpuUse(0, 90.0, 1, 2)]),
    "log_chunk": LogChunk(1, 5, "eA==", far=True, over=True, gone=True),
    "pong": msg.Pong(1),
}
"""An honest one of each."""
ODD: dict[str, Any] = {
    **{"nothing": None, "a list": [], "an object": {}, "a text": "x", "true": True},
    **{"a number": 7, "half": 0.5},
    **{"negative": -1, "huge": 10**400, "large": 1e300, "NaN": float("nan"), "infinite": float("inf")},
    **{"empty": "", "long": "x" * 300_000, "half a character": "\ud800x", "control": "\x1b[2J\x07\n\r"},
    **{"a line of ours": "a\nlab2: down", "elsewhere": "../../etc", "absolute": "/etc/passwd"},
    **{"markup": "[red]x"},
}


@dataclass(frozen=True)
class Row:
    """One attack."""

    of: str
    attack: str
    lines: tuple[bytes, ...]
    welcome: bool = True


def body_of(message: msg.Message) -> Any:
    return json.loads(msg.encode(message))


def altered(of: str) -> Iterator[Row]:
    """Yield the message with each part of it, however deep, odd, missing, or with one more."""
    for path in places(body_of(SAMPLES[of])):
        for name, value in ODD.items():
            yield Row(of, f"{path}: {name}", (_with(of, path, value),))
        yield Row(of, f"{path}: missing", (_with(of, path, _with),))
    yield Row(of, "one more", (json.dumps({**body_of(SAMPLES[of]), "more": 1}).encode(),))


def places(value: Any, above: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield (*above, key)
        if isinstance(item, dict | list):
            yield from places(item, (*above, key))


def _with(of: str, path: tuple[Any, ...], value: Any) -> bytes:
    top = inner = body_of(SAMPLES[of])
    for key in path[:-1]:
        inner = inner[key]
    if value is _with:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return json.dumps(top).encode()


def misplaced(of: str) -> Iterator[Row]:
    """Yield the honest message where it has no place."""
    line = msg.encode(SAMPLES[of]).rstrip()
    yield Row(of, "before the welcome", (line,), welcome=False)
    yield Row(of, "twice", (line, line))
    yield Row(of, "backwards", (line, *(msg.encode(SAMPLES[name]).rstrip() for name in reversed(SAMPLES))))
    body = body_of(SAMPLES[of])
    if "job_id" in body:
        for name, job_id, attempt in (
            *(("another worker's job", OTHERS, 1), ("another worker's next attempt", OTHERS, 2)),
            *(("nobody's job", WAITING, 1), ("an unknown job", "alpha/none", 1)),
            *(("a stale attempt", OWN, 0), ("an attempt to come", OWN, 2)),
        ):
            yield Row(of, name, (json.dumps({**body, "job_id": job_id, "attempt": attempt}).encode(),))


def rows(of: str) -> list[Row]:
    return [*altered(of), *misplaced(of), *from_the_other_side(of)]


def from_the_other_side(of: str) -> Iterator[Row]:
    """Yield what only a master says, once."""
    if of == "pong":
        small = (msg.Ack, msg.Cancel, msg.Release, msg.Shutdown, msg.Ping, msg.Delivered, Fetch, Peering)
        for cls in small:
            kinds = {item.name: 1 if str(item.type) in ("Count", "int") else "x" for item in fields(cls)}
            yield Row(of, f"a master's {cls.type}", (json.dumps({"type": cls.type, **kinds}).encode(),))
        chunks = Chunks([StreamedFile("w.pt", 3, executable=False)], ["0" * 64])
        serve = Serve("f" * 64, 1, [HONEST], chunks, 60.0)
        for message in (serve, Take("f" * 64, 1, HONEST, ["192.0.2.7"], 40_001, chunks)):
            yield Row(of, f"a master's {message.type}", (msg.encode(message).rstrip(),))


def is_no_message(row: Row) -> bool:
    """Tell whether the last line is refused for what it is, whoever says it."""
    try:
        msg.decode(row.lines[-1])
    except MessageError:
        return True
    return False


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dispatcher, "GATHER_S", 0)
    monkeypatch.setattr(agent_client, "GATHER_S", 0)
    monkeypatch.setattr(agent_client, "next_backoff", lambda previous: 0.0)


def check(row: Row, folder: Path) -> bool:
    """Let a worker say it, see the run to its end, and return whether that ended its link."""
    told = LyingWorld(folder, spoken(*row.lines, welcome=row.welcome)).run()
    assert told.exit_code == 0, row
    for job in (OWN, OTHERS, WAITING):
        assert told.state.jobs[job].state is State.SUCCEEDED, row
    assert told.state.jobs[OTHERS].worker == HONEST and told.state.jobs[OTHERS].attempt == 1, row
    assert all(note.isprintable() for note in told.notes), row
    return told.refused


@pytest.mark.parametrize("of", SAMPLES)
def test_whatever_is_said_costs_its_own_job_alone(of: str) -> None:
    attacks = rows(of)
    refused = [row for row in attacks if is_no_message(row)]
    heard = [row for row in attacks if row not in refused]
    for row in (*refused[:2], *heard):
        with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
            check(row, Path(folder))
    print(f"{of}: {len(attacks)} tried, {len(refused)} are no message, {len(heard)} did no harm")


def test_no_message_is_forgotten() -> None:
    kinds = {type(message) for message in SAMPLES.values()}
    assert kinds == {*get_args(msg.ToMaster)}
    variants = {type(message.detail) for message in SAMPLES.values() if isinstance(message, Event)}
    assert variants == {*Event.VARIANTS.classes.values()}


@pytest.mark.parametrize("of", SAMPLES)
def test_no_field_is_forgotten(of: str) -> None:
    """Every field has a value in the sample: one that is left out would be attacked by nobody."""
    _all_there(SAMPLES[of], body_of(SAMPLES[of]))


def _all_there(item: Any, body: Any) -> None:
    for one in fields(item):
        value = getattr(item, one.name)
        assert one.name in body and (value not in (None, [], {}, "") or one.name == "problem"), one.name
        if is_dataclass(value):
            _all_there(value, body[one.name])


def test_the_guide_tells_how_many_were_tried() -> None:
    counted = Counter(is_no_message(row) for of in SAMPLES for row in rows(of))
    guide = " ".join((ROOT / "docs" / "security.md").read_text().split())
    told = re.search(r"more than (\d+) messages, of which more than (\d+) are refused as no message", guide)
    assert told and counted.total() > int(told[1]) and counted[True] > int(told[2]), counted
