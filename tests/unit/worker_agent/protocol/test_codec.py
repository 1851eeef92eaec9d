"""What annotations allow goes into JSON and comes back; all else is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields, replace
from datetime import datetime, timezone
from json import encoder
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.worker_agent.protocol.strategies import (
    EVENT,
)
from worker_agent.protocol import codec
from worker_agent.protocol import messages as msg
from worker_agent.protocol.codec import Count, MessageError, dump, parse
from worker_agent.protocol.events import Event, EventKind
from worker_agent.protocol.outcome import Finished, Outcome

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


def test_a_time_and_a_length_of_time_are_in_the_calendar() -> None:
    latest = 2.0**37 + 2.0**36
    assert datetime.fromtimestamp(latest, timezone.utc).year < 9999


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


@pytest.mark.parametrize("made", [None, lambda markers: None])
def test_a_python_whose_encoder_is_another_writes_the_same(
    made: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as other:
        other.setattr(encoder, "c_make_encoder", made)
        write = codec._encoder()
    said = {"a": [EVENT, 0.1, None, True, "é\n"], "b": {}}
    assert write(said) == dump(said)


def test_a_word_is_written_as_its_text() -> None:
    assert (str(Outcome.LOST), f"{EventKind.RUNNING}", dump([Outcome.LOST])) == (
        "lost",
        "running",
        '["lost"]',
    )


@dataclass(frozen=True)
class NewStyle:
    names: list[str]
    most: Count | None = None


def test_annotations_may_be_written_in_the_newer_way() -> None:
    assert parse(NewStyle, {"names": ["a"], "most": None}) == NewStyle(["a"])
    assert parse(NewStyle, {"names": [], "most": 3}).most == 3
    for wrong in ({"names": [1]}, {"names": [], "most": -1}, {"names": [], "most": "3"}):
        with pytest.raises(MessageError):
            parse(NewStyle, wrong)
