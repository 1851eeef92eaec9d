"""Who listens to trainings."""

from __future__ import annotations

from contextlib import closing

import pytest
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from master.core.running.lifecycle import State, Trigger
from master.storage.journal import Journal
from master.storage.run_layout import RunLayout
from master.web.api import listeners as module
from tests.support.endings import finished
from tests.unit.master.verbs.conftest import moved
from tests.unit.master.web.api.conftest import HISTORY, FakeJobs, reported
from tests.unit.master.web.conftest import HOST

WS = f"ws://{HOST}/api/ws"


def ends(layout: RunLayout) -> None:
    """Let the training that goes on come to its end."""
    with closing(Journal(layout.journal)) as journal:
        done = finished(duration_s=9.0)
        journal.append(
            [
                moved(7.0, "sae/going", Trigger.FINISH, State.COLLECTING, finished=done),
                moved(8.0, "sae/going", Trigger.COLLECT, State.SUCCEEDED, content_hash="f"),
            ]
        )


def test_messages_come_in_their_order(client: TestClient, jobs: FakeJobs, layout: RunLayout) -> None:
    with client.websocket_connect(WS) as first, client.websocket_connect(WS) as second:
        first.send_json({"type": "ping"})
        assert first.receive_json() == {"type": "pong"}
        jobs.heard = reported(3, 1.0, 2.0, 3.0)
        told = [first.receive_json() for _ in range(2)]
        ends(layout)
        told += [first.receive_json() for _ in range(3)]
        assert [(each["type"], each.get("epoch"), each["status"]) for each in told] == [
            ("training_progress", 1, "training"),
            ("training_progress", 2, "training"),
            ("training_progress", 3, "training"),
            ("training_progress", 3, "completed"),
            ("training_completed", None, "completed"),
        ]
        assert [second.receive_json() for _ in told] == told


def test_who_asks_for_rows_gets_them_instead(client: TestClient) -> None:
    with client.websocket_connect(WS) as socket:
        socket.send_json({"type": "ping"})
        assert socket.receive_json() == {"type": "pong"}
        socket.send_json({"since": 0, "watch": ["sae/done"]})
        assert socket.receive_json()["seq"] == len(HISTORY)


@pytest.mark.parametrize("message", ["x", 1, {"type": "other"}, {}])
def test_a_message_that_is_none_ends_it(message: object, client: TestClient) -> None:
    with client.websocket_connect(WS) as socket:
        socket.send_json(message)
        with pytest.raises(WebSocketDisconnect) as ended:
            socket.receive_json()
    assert ended.value.code == 1007


def test_so_many_and_no_more(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LISTENERS", 1)
    with client.websocket_connect(WS) as first:
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(WS):
            pass
        first.send_json({"type": "ping"})
        assert first.receive_json() == {"type": "pong"}


def test_who_is_too_slow_is_let_go(
    client: TestClient, jobs: FakeJobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_WAITING", 1)
    with client.websocket_connect(WS) as socket:
        jobs.heard = reported(4, 1.0, 2.0, 3.0, 4.0)
        assert socket.receive_json() == {"type": "error", "error": "too slow: connect again"}
        with pytest.raises(WebSocketDisconnect) as ended:
            socket.receive_json()
    assert ended.value.code == 1013


def test_a_message_of_nothing_but_brackets_ends_it(client: TestClient) -> None:
    with client.websocket_connect(WS) as socket:
        socket.send_text("[" * 60_000)
        with pytest.raises(WebSocketDisconnect) as ended:
            socket.receive_json()
    assert ended.value.code == 1007


def test_it_goes_on_after_an_answer_that_is_none(client: TestClient, jobs: FakeJobs) -> None:
    with client.websocket_connect(WS) as socket:
        jobs.heard = {"of": "another version"}
        socket.send_json({"type": "ping"})
        assert socket.receive_json() == {"type": "pong"}
        jobs.heard = reported(1, 1.0, 2.0)
        assert socket.receive_json()["epoch"] == 1
