"""How an attempt ended is heard as it was said; what cannot be is refused, with its place."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest
from hypothesis import given

from tests.unit.worker_agent.protocol.strategies import (
    EVENT,
    HASH,
    altered,
    endings,
)
from worker_agent.protocol import messages as msg
from worker_agent.protocol.codec import MessageError, dump, load, parse
from worker_agent.protocol.digests import FileDigest
from worker_agent.protocol.outcome import Finished


@given(endings)
def test_an_ending_keeps_its_types(ending: Finished) -> None:
    heard = parse(Finished, load(dump(ending)))
    assert heard == ending
    for item in fields(Finished):
        assert type(getattr(heard, item.name)) is type(getattr(ending, item.name))
    assert all(type(file) is FileDigest for file in heard.files)


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


@pytest.mark.parametrize("value", [None, [], 3, "x"])
def test_what_is_no_object_is_no_ending(value: object) -> None:
    with pytest.raises(MessageError, match="Finished cannot be"):
        parse(Finished, value)
