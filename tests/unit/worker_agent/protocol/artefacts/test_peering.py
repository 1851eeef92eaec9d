"""What is said of artefacts that workers take from each other."""

from __future__ import annotations

import json
from typing import Any

import pytest

from worker_agent.protocol import messages as msg
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

NAME = "a" * 64
CHUNKS = Chunks(
    [StreamedFile("run", 5, executable=True), StreamedFile("w/0.pt", 7, executable=False)], ["0" * 64]
)
MESSAGES: tuple[msg.Message, ...] = (
    Peering("authority", "certificate", "key"),
    Serve(NAME, 1, ["lab1", "lab2"], CHUNKS, 30.0),
    Serving(NAME, 1, 40_001, ["192.0.2.7", "2001:db8::7"]),
    ServeFailed(NAME, 1, "no address"),
    Take(NAME, 1, "lab0", ["192.0.2.7"], 40_001, CHUNKS),
    Received(NAME, 1, 12, 0.5),
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.type)
def test_they_come_as_they_were_sent(message: msg.Message) -> None:
    assert msg.decode(msg.encode(message)) == message


def test_the_length_of_a_stream_is_that_of_its_files() -> None:
    assert CHUNKS.total_bytes == 12


@pytest.mark.parametrize(
    "row",
    [
        *(["../x", 1, False], ["/etc/passwd", 1, False], ["", 1, False], ["a/./b", 1, False]),
        *(["a", -1, False], ["a", 2**63, False], ["a", 1.5, False], ["a", True, False]),
        *(["a", 1, 0], ["a", 1], ["a", 1, False, 1], [1, 1, False], []),
    ],
)
def test_a_file_that_cannot_be_is_refused(row: list[Any]) -> None:
    body = json.loads(msg.encode(Take(NAME, 1, "lab0", [], 1, CHUNKS)))
    body["chunks"]["files"] = [row]
    with pytest.raises(MessageError, match="files"):
        msg.decode(json.dumps(body).encode())


def test_what_is_secret_is_in_no_text_of_the_message() -> None:
    assert repr(Peering("authority", "certificate", "key")) == "Peering()"


def test_what_is_secret_is_in_no_text_of_a_message_that_is_refused() -> None:
    body = {**json.loads(msg.encode(Peering("authority", "certificate", "SECRET"))), "more": 1}
    with pytest.raises(MessageError) as refused:
        msg.decode(json.dumps(body).encode())
    assert "SECRET" not in str(refused.value)
