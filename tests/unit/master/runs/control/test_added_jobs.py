"""Requests to add jobs that have them in their body."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

import pytest

from master.core.running.orders.of_jobs import AddJobs, AskedProgram
from master.core.running.orders.order import By
from master.runs.control.added_jobs import answered, ordered_jobs
from master.runs.control.orders import Refused
from worker_agent.protocol.codec import parse

ANNA = By(1000, "anna", 1)


def body(**said: Any) -> bytes:
    return json.dumps(said).encode()


def test_a_request_is_an_order_with_its_jobs_as_text() -> None:
    event = ordered_jobs(
        body(jobs=[{"lr": 1e-3}], trainer="sae", name="mine", why="more", dry_run=True), ANNA
    )
    assert isinstance(event.order, AddJobs)
    assert json.loads(event.order.text) == [{"lr": 1e-3}]
    assert (event.order.program, event.order.name) == (AskedProgram(trainer="sae"), "mine")
    assert (event.by, event.why, event.dry_run) == (ANNA, "more", True)
    assert event.order.ids == {} and event.order.code == {} and event.order.path == ""


@pytest.mark.parametrize(
    ("said", "problem"),
    [
        (b"{", "the body is no JSON"),
        (b'{"jobs": [], "jobs": []}', "a name stands twice"),
        (b'{"jobs": [NaN]}', "NaN"),
        (b"[]", "`jobs`: give what a jobs file holds"),
        (body(trainer="sae"), "`jobs`: give what a jobs file holds"),
        (body(jobs="x"), "`jobs`: give what a jobs file holds"),
        (body(jobs=[], trainer=1), "trainer"),
        (body(jobs=[], program={}), "`program`: give `script`"),
        (body(jobs=[], scirpt="/t.py"), "no field `scirpt`: did you mean `script`"),
        (body(jobs=[], dry_run="yes"), "^dry_run cannot be 'yes'"),
        (body(jobs=[], ids={}), "ids"),
        (body(jobs=[], path="/etc/passwd"), "path"),
    ],
)
def test_what_is_no_such_request_is_refused(said: bytes, problem: str) -> None:
    with pytest.raises(Refused, match=problem) as refused:
        ordered_jobs(said, ANNA)
    assert refused.value.answer[0] is HTTPStatus.UNPROCESSABLE_ENTITY


def test_a_reason_has_its_bounds() -> None:
    with pytest.raises(Refused, match="--why"):
        ordered_jobs(body(jobs=[], why="x" * 501), ANNA)


def test_the_answer_names_the_addition() -> None:
    event = ordered_jobs(body(jobs=[], trainer="sae", name="mine"), ANNA)
    assert answered(event, (HTTPStatus.OK, {"done": []}))[1] == {"addition": "mine", "done": []}
    busy = HTTPStatus.SERVICE_UNAVAILABLE, {"error": "busy"}
    assert answered(event, busy) == busy


def test_an_order_of_an_earlier_version_is_read() -> None:
    order = parse(AddJobs, {"path": "/more.json", "text": "[]", "ids": {"h": "alpha/a"}})
    assert order == AddJobs("/more.json", "[]", {"h": "alpha/a"})
