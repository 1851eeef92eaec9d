"""Chunks of logs hold any bytes, and what is none is refused."""

from __future__ import annotations

import pytest

from worker_agent.protocol import messages as msg
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.logs.watching import CHUNK_BYTES, LogChunk, Watch


def test_any_bytes_come_through() -> None:
    data = bytes(range(256)) * (CHUNK_BYTES // 256)
    heard = msg.decode(msg.encode(LogChunk.of(3, 7, data)))
    assert isinstance(heard, LogChunk) and (heard.number, heard.offset, heard.bytes()) == (3, 7, data)


@pytest.mark.parametrize("data", ["=", "ab!d", "ä", "YQ== YQ=="])
def test_what_is_no_base64_is_refused(data: str) -> None:
    with pytest.raises(MessageError, match="no base64"):
        LogChunk(1, 0, data).bytes()


def test_more_than_was_agreed_is_refused() -> None:
    with pytest.raises(MessageError, match="65537 bytes, allowed are 65536"):
        LogChunk.of(1, 0, b"x" * (CHUNK_BYTES + 1)).bytes()


def test_a_watch_begins_at_a_place_or_with_the_last_lines() -> None:
    assert msg.decode(b'{"type":"watch","number":1,"job_id":"a/b","attempt":2}') == Watch(1, "a/b", 2)
    with pytest.raises(MessageError):
        msg.decode(b'{"type":"watch","number":1,"job_id":"a/b","attempt":2,"offset":-1}')
