"""Every message, by its annotations: what is said is heard, and all else is refused with MessageError."""

from __future__ import annotations

import math
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.examples import tried
from tests.fuzz.from_types import altered, as_bytes, bodies
from tests.fuzz.mutations import mutated
from worker_agent.protocol import messages as msg
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.lines import LineBuffer

CLASSES = (*get_args(msg.ToAgent), *get_args(msg.ToMaster))
ids = [cls.__name__ for cls in CLASSES]


def said(cls: type[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return bodies(cls).map(lambda body: {"type": cls.type, **body})


def hear(line: bytes) -> msg.Message | None:
    """Return a message, which then is heard as it is said again; None for a line that is refused."""
    try:
        message = msg.decode(line)
    except MessageError as error:
        assert len(str(error)) < 2000, "a line of any length is told in a few words"
        return None
    again = msg.encode(message)
    assert again.count(b"\n") == 1 and msg.decode(again) == message
    return message


@pytest.mark.parametrize("cls", CLASSES, ids=ids)
def test_what_is_said_is_heard(cls: type[Any]) -> None:
    @tried(15)
    @given(said(cls))
    def check(body: dict[str, Any]) -> None:
        message = hear(as_bytes(body))
        assert type(message) is cls
        assert {name: body[name] for name in body if name != "type"}.keys() <= vars(message).keys()

    check()


@pytest.mark.parametrize("cls", CLASSES, ids=ids)
def test_what_is_altered_is_taken_or_refused(cls: type[Any]) -> None:
    @tried(40)
    @given(altered(said(cls)))
    def check(body: Any) -> None:
        message = hear(as_bytes(body))
        if message is not None:
            assert all(map(math.isfinite, _numbers(vars(message))))

    check()


def _numbers(value: Any) -> Any:
    match value:
        case float() | int():
            yield value
        case dict():
            for item in value.values():
                yield from _numbers(item)
        case list() | tuple():
            for item in value:
                yield from _numbers(item)


@tried(150)
@given(st.sampled_from(CLASSES).flatmap(said).map(as_bytes).flatmap(mutated))
def test_damaged_lines_are_taken_or_refused(line: bytes) -> None:
    hear(line)


@pytest.mark.parametrize("digits", [401, 5000, 10**6])
def test_a_number_of_any_length_is_refused(digits: int) -> None:
    assert hear(b'{"type":"pong","number":' + b"9" * digits + b"}") is None


@tried(60)
@given(st.lists(st.binary(max_size=30), max_size=8), st.booleans())
def test_a_stream_is_cut_into_the_same_lines_however_it_comes(pieces: list[bytes], late: bool) -> None:
    whole = b"".join(pieces)
    buffer = LineBuffer(b"begin\n") if late else LineBuffer()
    data = [b"noise begin\n", *pieces] if late else pieces
    assert [line for piece in data for line in buffer.feed(piece)] == whole.split(b"\n")[:-1]
