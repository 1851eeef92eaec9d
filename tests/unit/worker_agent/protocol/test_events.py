"""What happens to attempts is told in as many words as its kind has."""

from __future__ import annotations

import json

import pytest
from hypothesis import given

from tests.unit.worker_agent.protocol.strategies import (
    EVENT,
    events,
)
from worker_agent.protocol import messages as msg
from worker_agent.protocol.codec import MessageError, parse
from worker_agent.protocol.events import Event, EventKind, Running, Staging, Ticks
from worker_agent.protocol.outcome import Finished


@given(events)
def test_what_happened_has_the_class_of_its_kind(event: Event) -> None:
    classes = {EventKind.STAGING: Staging, EventKind.RUNNING: Running, EventKind.FINISHED: Finished}
    heard = msg.decode(msg.encode(event)[:-1])
    assert isinstance(heard, Event) and type(heard.detail) is classes[heard.kind]


@pytest.mark.parametrize("kind", ["staging", "running", "exploded", 3, None])
def test_what_happened_is_of_its_kind(kind: object) -> None:
    body = {**json.loads(msg.encode(EVENT)), "kind": kind}
    with pytest.raises(MessageError):
        msg.decode(json.dumps(body).encode())


@pytest.mark.parametrize("ticks", [[1], [1, 2, 3], ["1", 2], [1.5, 2], [True, 2], "12", None])
def test_ticks_are_two_whole_numbers(ticks: object) -> None:
    with pytest.raises(MessageError, match=r"Running\.ticks"):
        parse(Running, {"slot": "cpu0", "pid": 7, "ticks": ticks})
    assert parse(Running, {"slot": None, "pid": 7, "ticks": [1, 2]}).ticks == Ticks(1, 2)
