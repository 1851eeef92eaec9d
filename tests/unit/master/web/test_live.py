"""The WebSocket."""

from __future__ import annotations

import base64
import queue
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from master.core.running.lifecycle import State, Trigger
from master.storage.journal import Journal
from master.web import live as module
from master.web.logs import stream
from master.web.run_watch import RunWatch
from tests.unit.master.verbs.conftest import HISTORY, moved
from tests.unit.master.web.conftest import HOST, ORIGIN

JOB = "alpha/plain"
WS = f"ws://{HOST}/ws"


def test_it_tells_what_has_changed_since_and_then_what_changes(visitor: TestClient, watch: RunWatch) -> None:
    with visitor.websocket_connect(WS, headers=ORIGIN) as socket:
        socket.send_json({"since": len(HISTORY) - 1, "watch": [JOB, "alpha/lr=0.01"]})
        assert [row["id"] for row in socket.receive_json()["rows"]] == [JOB]
        with closing(Journal(watch.layout.journal)) as journal:
            journal.append([moved(10.0, JOB, Trigger.FAIL, State.FAILED, note="late")])
            told = socket.receive_json()
        assert (told["seq"], told["rows"][0]["why"]) == (len(HISTORY) + 1, "late")
        socket.send_json({"since": 10**6, "watch": []})
        assert socket.receive_json()["reload"], "a visitor who knows more than there is begins anew"


@pytest.mark.parametrize(
    "message",
    [
        {},
        [],
        {"since": -1, "watch": []},
        {"since": True, "watch": []},
        {"since": 0, "watch": "a"},
        {"since": 0, "watch": [1]},
        {"since": 0, "watch": ["a"] * 301},
        {"since": 0, "watch": [], "log": 1},
        {"since": 0, "watch": [], "log": "a" * 1001},
    ],
)
def test_a_message_that_is_none_ends_it(message: object, visitor: TestClient) -> None:
    with visitor.websocket_connect(WS, headers=ORIGIN) as socket:
        socket.send_json(message)
        with pytest.raises(WebSocketDisconnect) as ended:
            socket.receive_json()
    assert ended.value.code == 1007


def test_a_log_is_followed_as_it_is_written(visitor: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    written, followed = queue.SimpleQueue[dict[str, Any]](), list[str]()

    def told(layout: object, job_id: str, lines: int, *, beats: bool) -> Iterator[dict[str, Any]]:
        followed.append(job_id)
        while True:
            yield written.get(timeout=20)

    monkeypatch.setattr(stream, "followed", told)
    with visitor.websocket_connect(WS, headers=ORIGIN) as socket:
        socket.send_json({"since": len(HISTORY), "watch": [], "log": JOB})
        assert socket.receive_json()["seq"] == len(HISTORY)
        for text, end in (("one\ntw", "tw"), ("o\n", "")):
            written.put({"cut": 0, "data": base64.b64encode(text.encode()).decode()})
            log = socket.receive_json()["log"]
            assert (log["id"], log["how"], log["rest"]) == (JOB, "live", end)
        assert log["lines"] == ["two"] and not log["fresh"]
        socket.send_json({"since": len(HISTORY), "watch": [], "log": JOB})
        assert socket.receive_json()["seq"] == len(HISTORY) and followed == [JOB], "it goes on with it"
        written.put({"end": "succeeded"})
        assert socket.receive_json()["log"]["how"] == "ended"


def test_so_many_and_no_more(visitor: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_SOCKETS", 1)
    with visitor.websocket_connect(WS, headers=ORIGIN) as first:
        first.send_json({"since": 0, "watch": []})
        assert first.receive_json()["seq"] == len(HISTORY)
        with pytest.raises(WebSocketDisconnect), visitor.websocket_connect(WS, headers=ORIGIN):
            pass


def test_a_look_that_fails_is_not_the_last_one(
    visitor: TestClient, watch: RunWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks, look = list[int](), watch.look

    def fails_once() -> Any:
        looks.append(1)
        if len(looks) == 1:
            raise ValueError("a plan that is none")
        return look()

    with visitor.websocket_connect(WS, headers=ORIGIN) as socket:
        socket.send_json({"since": len(HISTORY), "watch": [JOB]})
        assert socket.receive_json()["rows"] == []
        monkeypatch.setattr(watch, "look", fails_once)
        with closing(Journal(watch.layout.journal)) as journal:
            journal.append([moved(10.0, JOB, Trigger.FAIL, State.FAILED, note="late")])
            assert socket.receive_json()["rows"][0]["why"] == "late"
    assert len(looks) > 1
