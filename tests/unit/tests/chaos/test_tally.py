"""What jobs say of themselves becomes executions."""

from __future__ import annotations

import json

import pytest

from tests.chaos.tally import Execution, executions


def line(what: str, nonce: str, at: float, **more: object) -> str:
    known = {"what": what, "job": "chaos/j0", "attempt": 1, "host": "worker-1", "nonce": nonce, "at": at}
    return json.dumps({**known, **more})


def test_each_process_is_an_execution_in_the_order_of_the_starts() -> None:
    told = [
        *(line("start", "b", 2.0), line("start", "a", 1.0), line("damaged", "b", 2.5, base="rotten")),
        line("end", "a", 3.0, base="base", result="bytes"),
    ]
    assert executions(told) == [
        Execution("chaos/j0", 1, "worker-1", "a", 1.0, 3.0, "base", "bytes"),
        Execution("chaos/j0", 1, "worker-1", "b", 2.0, base="rotten", damaged=True),
    ]


def test_a_line_that_no_job_writes_is_refused() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        executions(["{torn"])
