"""What is said of artefacts that come otherwise than from the master."""

from __future__ import annotations

import json

import pytest

from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.fetching import Fetch, Fetched, FetchFailed, Source
from worker_agent.protocol.codec import MessageError


@pytest.mark.parametrize(
    "message", [Fetch("a" * 64), Fetched("a" * 64, Source.DISK, 0.5), FetchFailed("a" * 64, "nowhere")]
)
def test_they_come_as_they_were_sent(message: msg.Message) -> None:
    assert msg.decode(msg.encode(message)) == message


@pytest.mark.parametrize("changed", [{"source": "the moon"}, {"seconds": -1}, {"content_hash": 7}])
def test_what_cannot_be_is_refused(changed: dict[str, object]) -> None:
    body = json.loads(msg.encode(Fetched("a" * 64, Source.HERE, 0.5))) | changed
    with pytest.raises(MessageError, match="Fetched"):
        msg.decode(json.dumps(body).encode())
