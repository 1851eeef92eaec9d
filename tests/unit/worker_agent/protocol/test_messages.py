"""What is said is heard, and what cannot be is refused."""

from __future__ import annotations

import json
import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from worker_agent.protocol import messages as msg
from worker_agent.protocol.codec import MessageError, dump, load, parse
from worker_agent.protocol.digests import FileDigest
from worker_agent.protocol.events import Event, EventKind, Running, Staging, Ticks
from worker_agent.protocol.outcome import BaseModelLeft, CheckpointLeft, Finished, Outcome

LINES = (Path(__file__).with_name("cases") / "messages_protocol_1.jsonl").read_bytes().splitlines()
HASH = "a" * 64
EVENT = Event(1, EventKind.FINISHED, "a", 1, 2.5, Finished(Outcome.FAILED, exit_code=1))

texts = st.text(max_size=12)
sizes = st.integers(0, 2**63 - 1)
seconds = st.floats(0, 2**36)
times = st.floats(0, 2**37)
paths = st.lists(st.text("aé\udc80 .-", min_size=1, max_size=5), min_size=1).map("/".join)
digests = st.builds(FileDigest, paths.filter(lambda path: ".." not in path.split("/")), sizes, texts)
files = st.lists(digests, max_size=3)


def maybe(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | strategy


endings = st.builds(
    Finished,
    outcome=st.sampled_from(Outcome),
    exit_code=maybe(st.integers(-64, 255)),
    error=maybe(texts),
    slot=maybe(texts),
    started_at=maybe(times),
    duration_s=maybe(seconds),
    peak_rss_bytes=maybe(sizes),
    peak_gpu_bytes=maybe(sizes),
    stderr_tail=texts,
    files=files,
    log=maybe(digests),
    inline=maybe(st.dictionaries(texts, texts, max_size=2)),
    base_model=maybe(st.builds(BaseModelLeft, texts, files, maybe(texts))),
    checkpoint=maybe(st.builds(CheckpointLeft, maybe(texts), files, maybe(texts))),
)
events = st.one_of(
    *(
        st.builds(Event, sizes, st.just(kind), texts, sizes, times, details)
        for kind, details in (
            (EventKind.STAGING, st.just(Staging())),
            (EventKind.RUNNING, st.builds(Running, maybe(texts), sizes, st.builds(Ticks, sizes, sizes))),
            (EventKind.FINISHED, endings),
        )
    )
)
launches = st.builds(
    msg.Launch,
    texts,
    sizes,
    st.integers(1, 2),
    st.lists(texts, max_size=4),
    mounts=st.lists(st.builds(msg.Mount, texts, maybe(texts), maybe(texts)), max_size=3),
    env=st.dictionaries(texts, texts, max_size=2),
    timeout_s=maybe(st.floats(0, 1e9)),
    gpu_bytes=maybe(sizes),
)
greetings = st.builds(
    msg.Welcome,
    *(st.just(1), texts, texts, st.lists(texts), st.floats(0, 64)),
    st.lists(st.builds(msg.AttemptKey, texts, sizes), max_size=3),
    st.lists(texts),
    texts,
    st.just({"cores": 4}),
    gpu_bytes=st.lists(sizes),
)
hellos = st.builds(msg.Hello, st.just(1), texts, sizes, st.builds(msg.Settings, gpus=st.lists(texts)))


@given(st.one_of(events, launches, greetings, hellos))
def test_what_is_said_is_heard(message: msg.Message) -> None:
    line = msg.encode(message)
    assert line.count(b"\n") == 1 and line.isascii()
    heard = msg.decode(line[:-1])
    assert heard == message and type(heard) is type(message)
    assert msg.encode(heard) == line


@given(endings)
def test_an_ending_keeps_its_types(ending: Finished) -> None:
    heard = parse(Finished, load(dump(ending)))
    assert heard == ending
    for item in fields(Finished):
        assert type(getattr(heard, item.name)) is type(getattr(ending, item.name))
    assert all(type(file) is FileDigest for file in heard.files)


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = sorted({item.name for cls in (Event, Finished, msg.Launch, msg.Welcome) for item in fields(cls)})
bodies = st.dictionaries(st.sampled_from(NAMES), anything, max_size=8)


@given(st.sampled_from(["event", "launch", "welcome", "hello", "ack", "slots"]), bodies, bodies)
def test_garbage_is_refused_or_has_the_types_that_it_should(
    kind: str, body: dict[str, Any], inner: dict[str, Any]
) -> None:
    known = json.loads(msg.encode(EVENT)) if kind == "event" else {}
    line = json.dumps({**known, **body, "type": kind, "detail": inner} if known else {**body, "type": kind})
    try:
        message = msg.decode(line.encode())
    except MessageError:
        return
    assert msg.decode(msg.encode(message)[:-1]) == message


@given(st.binary(max_size=60))
def test_noise_is_no_message(noise: bytes) -> None:
    with pytest.raises(MessageError):
        msg.decode(noise)


def altered(**changes: object) -> bytes:
    """Return the line of an event whose detail is other than it can be."""
    body = json.loads(msg.encode(EVENT))
    body["detail"].update(changes)
    return json.dumps(body).encode()


NUMBERS = ("exit_code", "started_at", "duration_s", "peak_rss_bytes", "peak_gpu_bytes")
NO_NUMBER = (math.nan, math.inf, -math.inf, True, "1", 10**400, 2**63, 1e300, [1])


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("value", NO_NUMBER, ids=lambda value: f"{value!r:.12}")
def test_a_number_that_cannot_be_is_refused(name: str, value: object) -> None:
    with pytest.raises(MessageError):
        msg.decode(altered(**{name: value}))


@pytest.mark.parametrize("name", ["started_at", "duration_s", "peak_rss_bytes", "peak_gpu_bytes"])
def test_no_time_and_no_size_is_negative(name: str) -> None:
    with pytest.raises(MessageError, match=f"Finished.{name} cannot be -1"):
        msg.decode(altered(**{name: -1}))


def test_a_float_that_is_too_large_to_be_one_is_refused() -> None:
    line = msg.encode(EVENT)[:-1].replace(b'"duration_s":null', b'"duration_s":1e999')
    with pytest.raises(MessageError, match=r"Finished\.duration_s cannot be inf"):
        msg.decode(line)


def test_a_time_and_a_length_of_time_are_in_the_calendar() -> None:
    from datetime import datetime, timezone

    latest = 2.0**37 + 2.0**36
    assert datetime.fromtimestamp(latest, timezone.utc).year < 9999


WRONG: dict[str, tuple[dict[str, object], str]] = {
    "an outcome that is none": ({"outcome": "exploded"}, "Finished.outcome: cannot be 'exploded', allowed"),
    "a field too many": ({"colour": "red"}, "Finished.colour cannot be 'red'"),
    "files that are none": ({"files": 3}, "Finished.files cannot be 3"),
    "a file that is none": ({"files": ["x"]}, "Finished.files"),
    "a short row": ({"files": [["x", 1]]}, "Finished.files"),
    "a negative size": ({"files": [["x", -1, HASH]]}, "not a file digest"),
    "a size that is a bool": ({"files": [["x", True, HASH]]}, "not a file digest"),
    "a huge size": ({"files": [["x", 2**63, HASH]]}, "not a file digest"),
    "an absolute path": ({"files": [["/etc/passwd", 1, HASH]]}, "unsafe path"),
    "a path out of its folder": ({"log": ["a/../../b", 1, HASH]}, "Finished.log: unsafe path"),
    "contents that are no text": ({"inline": {"a": 1}}, "Finished.inline"),
    "a base model without files": ({"base_model": {"content_hash": HASH}}, "BaseModelLeft: files is missing"),
    "a checkpoint with more": ({"checkpoint": {"url": "x"}}, "CheckpointLeft.url cannot be"),
}


@pytest.mark.parametrize("name", WRONG)
def test_an_ending_that_cannot_be_is_refused_with_its_place(name: str) -> None:
    changes, problem = WRONG[name]
    with pytest.raises(MessageError, match=problem) as caught:
        msg.decode(altered(**changes))
    assert str(caught.value).startswith("Event.detail: ")


@pytest.mark.parametrize(
    "line",
    [
        b'{"type":"welcome","slots":[1]}',
        b'{"type":"ack"}',
        b'{"type":"ack","seq":-1}',
        b'{"type":"ack","seq":1,"more":2}',
        b'{"type":"slots","foreign":NaN}',
        b'{"type":"progress","job_id":"a","attempt":1,"detail":{"loss":NaN}}',
        b'{"type":["ack"]}',
        b"[1]",
        b"7",
        b"[" * 100_000,
        msg.encode(EVENT)[:-1].replace(b'"finished"', b'"running"'),
        msg.encode(EVENT)[:-1].replace(b'"finished"', b'"exploded"'),
    ],
    ids=lambda line: repr(line[:40]),
)
def test_what_is_no_message_is_refused(line: bytes) -> None:
    with pytest.raises(MessageError):
        msg.decode(line)


def test_a_launch_with_a_mount_that_is_none_is_refused() -> None:
    for mount in ("d", {"at": "d", "mode": "ro"}, {"path": "/x"}):
        line = json.dumps(
            {"type": "launch", "job_id": "a", "attempt": 1, "phase": 2, "argv": [], "mounts": [mount]}
        )
        with pytest.raises(MessageError, match=r"Launch\.mounts"):
            msg.decode(line.encode())


@pytest.mark.parametrize("line", LINES, ids=lambda line: json.loads(line)["type"])
def test_messages_of_the_first_version_are_understood(line: bytes) -> None:
    message = msg.decode(line)
    assert message.type == json.loads(line)["type"]
    again = json.loads(msg.encode(message))
    if isinstance(message, msg.Hello):
        again["settings"].pop("visible_gpus")  # which the first version did not have
    assert _without_nulls(again) == _without_nulls(json.loads(line))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item not in (None, [])}
    return value


def test_what_is_heard_cannot_be_changed_and_is_like_what_is_made() -> None:
    heard = msg.decode(msg.encode(EVENT)[:-1])
    assert isinstance(heard, Event) and isinstance(heard.detail, Finished)
    with pytest.raises(AttributeError):
        heard.seq = 2  # type: ignore[misc]
    assert replace(heard, seq=2) == replace(EVENT, seq=2)
    assert list(heard.detail.__dict__) == [item.name for item in fields(Finished)]
    assert heard.detail.files is not msg.decode(msg.encode(EVENT)[:-1]).detail.files  # type: ignore[union-attr]


def test_what_has_no_form_in_json_is_not_written() -> None:
    with pytest.raises(TypeError, match="object has no form in JSON"):
        dump({"a": object()})


def test_a_word_is_written_as_its_text() -> None:
    assert (str(Outcome.LOST), f"{EventKind.RUNNING}", dump([Outcome.LOST])) == (
        "lost",
        "running",
        '["lost"]',
    )
