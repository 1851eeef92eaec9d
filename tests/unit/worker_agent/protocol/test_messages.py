"""What is said is heard, and what cannot be is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.worker_agent.protocol.strategies import (
    EVENT,
    events,
    greetings,
    hellos,
    launches,
    reports,
)
from worker_agent.protocol import messages as msg
from worker_agent.protocol.codec import MessageError

LINES = (Path(__file__).with_name("cases") / "messages_protocol_1.jsonl").read_bytes().splitlines()


@given(st.one_of(events, launches, greetings, hellos, reports))
def test_what_is_said_is_heard(message: msg.Message) -> None:
    line = msg.encode(message)
    assert line.count(b"\n") == 1 and line.isascii()
    heard = msg.decode(line[:-1])
    assert heard == message and type(heard) is type(message)
    assert msg.encode(heard) == line


@given(st.binary(max_size=60))
def test_noise_is_no_message(noise: bytes) -> None:
    with pytest.raises(MessageError):
        msg.decode(noise)


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
    for later in ("passing", "suspect", "resumes", "keeps_state"):  # neither these
        again.pop(later, None)
    for later in ("limits", "shows_logs", "disk", "gpus", "driver"):  # nor these of its facts
        again.get("facts", {}).pop(later, None)
    assert _without_nulls(again) == _without_nulls(json.loads(line))


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item not in (None, [])}
    return value
