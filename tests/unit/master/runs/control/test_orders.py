"""Orders as requests: what is not known is refused, and nothing is done twice or half."""

from __future__ import annotations

import json
from concurrent.futures import Future
from http import HTTPStatus
from queue import SimpleQueue
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from master.adapters.inbox import Asked
from master.core.running.orders.order import ORDERS, By, CancelJobs, Ordered, Reply, Said
from master.errors import ConfigError, UsageError
from master.runs.control.orders import ROUTE, Refused, carried_out, ordered, prepared

ANNA = By(1000, "anna", 4711)
CANCEL = f"{ROUTE}cancel"


def body(**fields: Any) -> bytes:
    return json.dumps({"order": {"jobs": ["a"]}, **fields}).encode()


def test_a_request_becomes_an_order_of_who_asked() -> None:
    found = ordered(CANCEL, body(why="too slow", dry_run=True), ANNA)
    assert (found.order, found.by, found.why, found.dry_run) == (CancelJobs(["a"]), ANNA, "too slow", True)


@pytest.mark.parametrize(
    ("path", "said", "status", "says"),
    [
        ("/api/orders/cancle", body(), HTTPStatus.NOT_FOUND, "did you mean `/api/orders/cancel`"),
        ("/api/orders/", body(), HTTPStatus.NOT_FOUND, "no route"),
        ("cancel", body(), HTTPStatus.NOT_FOUND, "no route"),
        (CANCEL, b"", HTTPStatus.BAD_REQUEST, "cancel: "),
        (CANCEL, b"[]", HTTPStatus.BAD_REQUEST, "Request"),
        (CANCEL, b'{"order": {"jobs": NaN}}', HTTPStatus.BAD_REQUEST, "NaN"),
        (CANCEL, b'{"order": {"jobs": []}, "order": {"jobs": []}}', HTTPStatus.BAD_REQUEST, "twice"),
        (CANCEL, b"\xff", HTTPStatus.BAD_REQUEST, "decode"),
        (CANCEL, b"[" * 100_000, HTTPStatus.BAD_REQUEST, "cancel: "),
        (CANCEL, body(by="root"), HTTPStatus.BAD_REQUEST, "Request.by"),
        (CANCEL, body(order={}), HTTPStatus.BAD_REQUEST, "jobs is missing"),
        (CANCEL, body(order={"jobs": "a"}), HTTPStatus.BAD_REQUEST, "CancelJobs.jobs"),
        (CANCEL, body(order={"jobs": [1]}), HTTPStatus.BAD_REQUEST, "CancelJobs.jobs"),
        (CANCEL, body(why="caf\udce9"), HTTPStatus.BAD_REQUEST, r"'\udce9' is no character"),
        (CANCEL, body(order={"jobs": ["\ud800"]}), HTTPStatus.BAD_REQUEST, r"'\ud800' is no character"),
        (CANCEL, body(order={"\ud800": 1}), HTTPStatus.BAD_REQUEST, r"'\ud800' is no character"),
        (CANCEL, body(why="x" * 501), HTTPStatus.BAD_REQUEST, "--why"),
        (CANCEL, body(dry_run=1), HTTPStatus.BAD_REQUEST, "dry_run"),
    ],
)
def test_what_is_not_known_is_refused(path: str, said: bytes, status: HTTPStatus, says: str) -> None:
    with pytest.raises(Refused) as refused:
        ordered(path, said, ANNA)
    assert refused.value.answer[0] is status and says in refused.value.answer[1]["error"]


class _Inbox(SimpleQueue[Any]):
    """A dispatcher that does something with an order at once."""

    def __init__(self, reply: Reply | None = None, *, takes_up: bool = True, is_over: bool = False) -> None:
        self.reply, self.takes_up, self.is_over = reply, takes_up, is_over

    def put(self, item: Asked, *args: Any, **more: Any) -> None:
        waits: Future[Reply] = item.reply
        if self.is_over:
            waits.cancel()
        elif self.takes_up:
            assert waits.set_running_or_notify_cancel()
            if self.reply:
                waits.set_result(self.reply)
        super().put(item)


def test_the_reply_is_what_the_dispatcher_says() -> None:
    reply = Reply(done=(Said("a", "was ready"),))
    status, told = carried_out(ordered(CANCEL, body(), ANNA), _Inbox(reply))
    assert status is HTTPStatus.OK
    assert list(told["done"]) == [{"name": "a", "says": "was ready"}]


@pytest.mark.parametrize(
    ("inbox", "says"),
    [
        (_Inbox(is_over=True), "the run is over: nothing was done"),
        (_Inbox(takes_up=False), "nothing was done, try again"),
        (_Inbox(), "`twophase ps` tells what was done"),
    ],
)
def test_without_a_reply_it_is_told_what_may_have_been_done(inbox: _Inbox, says: str) -> None:
    status, told = carried_out(ordered(CANCEL, body(), ANNA), inbox, patience_s=0.0)
    assert status is HTTPStatus.SERVICE_UNAVAILABLE and says in told["error"]
    item = inbox.get()
    assert item.reply.cancelled() != (says == "`twophase ps` tells what was done"), "it is not done later"


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
fields = st.dictionaries(st.sampled_from(["jobs", "only", "priority", "most", "path", "workers"]), anything)


@given(
    st.sampled_from(sorted(ORDERS)),
    st.binary(max_size=40) | fields.map(lambda it: json.dumps({"order": it}).encode()),
)
def test_whatever_is_said_is_an_order_or_refused_in_one_line(verb: str, said: bytes) -> None:
    try:
        found = ordered(ROUTE + verb, said, ANNA)
    except Refused as refused:
        assert "\n" not in refused.answer[1]["error"]
    else:
        assert type(found.order) is ORDERS[verb]


def test_after_the_last_look_at_the_inbox_nobody_is_waited_for() -> None:
    inbox = _Inbox(takes_up=False)
    status, told = carried_out(ordered(CANCEL, body(), ANNA), inbox, is_over=lambda: True, patience_s=20.0)
    assert (status, told["error"]) == (
        HTTPStatus.SERVICE_UNAVAILABLE,
        "the run is over: nothing was done",
    )


def test_what_was_taken_up_in_the_last_turn_is_answered() -> None:
    reply = Reply(done=(Said("a", "was ready"),))
    status, _ = carried_out(ordered(CANCEL, body(), ANNA), _Inbox(reply), is_over=lambda: True)
    assert status is HTTPStatus.OK


@pytest.mark.parametrize("error", [ConfigError("more.json", "", "is none"), UsageError("no --script-path")])
def test_what_is_wrong_in_the_users_files_is_his_mistake(error: Exception) -> None:
    def prepare(event: Ordered) -> Ordered:
        raise error

    with pytest.raises(Refused) as refused:
        prepared(ordered(CANCEL, body(), ANNA), prepare)
    assert refused.value.answer == (HTTPStatus.BAD_REQUEST, {"error": str(error)})


def test_a_file_that_cannot_be_looked_at_is_told_to_who_named_it() -> None:
    def fails(event: Ordered) -> Ordered:
        raise OSError(36, "File name too long", "/lab/train.py")

    event = Ordered(0.0, ANNA, CancelJobs(["a"]))
    with pytest.raises(Refused, match=r"/lab/train\.py: File name too long; nothing was done") as refused:
        prepared(event, fails, HTTPStatus.UNPROCESSABLE_ENTITY)
    assert refused.value.answer[0] is HTTPStatus.UNPROCESSABLE_ENTITY
