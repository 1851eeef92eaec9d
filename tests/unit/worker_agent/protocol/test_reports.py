"""What agents report is of known types and in range before anybody sees it."""

from __future__ import annotations

from typing import Any

import pytest

from worker_agent.protocol import messages as msg
from worker_agent.protocol.codec import MessageError, parse
from worker_agent.protocol.reports import Progress, Said, WorkerFacts, usual_cpu_slots

INFINITE = float("inf")


def test_a_report_is_the_same_on_the_other_side() -> None:
    facts = WorkerFacts("lab1", "3.12.1", None, 8, 1 << 34, 0)
    said = Said("loss 0.5", 3, 40.5, {"loss": 0.5, "f1": 1})
    assert parse(WorkerFacts, vars(facts)) == facts
    assert msg.decode(msg.encode(Progress("a", 1, said))) == Progress("a", 1, said)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({}, Said("x")),
        ({"epoch": 0, "epochs": 30, "step": 7}, Said("x", 0, 30)),
        ({"epoch": 3, "metrics": {"loss": 0.5, "f1": 1}}, Said("x", 3, None, {"loss": 0.5, "f1": 1})),
        ({"epoch": 3, "metrics": "none"}, Said("x", 3)),
        ({"epoch": 3, "epochs": "\x1b[2J"}, Said("x", 3)),
        ({"epoch": True, "epochs": [9]}, Said("x")),
        (
            {"epoch": float("inf"), "epochs": float("nan"), "metrics": {"a": -float("inf")}},
            Said("x", metrics={}),
        ),
        (
            {"metrics": {"a": None, "b": "1", "c": True, "d": {"e": 1}, "f": 2.5}},
            Said("x", metrics={"f": 2.5}),
        ),
    ],
)
def test_of_what_an_attempt_writes_text_and_finite_numbers_are_told(body: dict[str, Any], said: Said) -> None:
    assert Said.from_object({**body, "line": "x"}) == said


def test_what_a_worker_says_is_read_with_the_same_care() -> None:
    line = (
        b'{"type":"progress","job_id":"a","attempt":1,"detail":{"line":3,"epoch":1e999,"metrics":{"a":"b"}}}'
    )
    assert msg.decode(line) == Progress("a", 1, Said(metrics={}))
    with pytest.raises(MessageError):
        msg.decode(line.replace(b"1e999", b"NaN"))


@pytest.mark.parametrize(
    "wrong",
    [
        *({"cores": -1}, {"cores": 2.5}, {"cores": True}, {"memory_bytes": 1 << 63}, {"torch": 2}),
        *({"disk_free_bytes": "much"}, {"hostname": None}, {"load": 0.1}),
    ],
    ids=str,
)
def test_facts_of_a_worker_are_what_they_can_be(wrong: dict[str, Any]) -> None:
    with pytest.raises(MessageError):
        parse(WorkerFacts, wrong)


def test_a_machine_runs_a_job_for_every_two_cores_and_one_at_least() -> None:
    assert [usual_cpu_slots(cores) for cores in (0, 1, 2, 3, 64)] == [1, 1, 1, 1, 32]
