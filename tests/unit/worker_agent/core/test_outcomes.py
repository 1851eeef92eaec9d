"""What is told at the end of an attempt."""

from __future__ import annotations

from tests.unit.worker_agent.core.steps import (
    agent,
    drained,
    exited,
    launch,
    run,
)
from worker_agent.core import commands as cmd
from worker_agent.core import transitions
from worker_agent.core.execution import Started
from worker_agent.protocol.digests import FileDigest
from worker_agent.protocol.outcome import Finished, Outcome


def test_the_outcome_tells_the_whole_story() -> None:
    state = agent("s1")
    transitions.on_launch(state, launch(), 1.0)
    run(state)
    transitions.on_exit(state, exited(code=-11), 12.0)
    drained(state)
    file, log = FileDigest("f", 1, "0"), FileDigest("log.txt", 4, "0")
    left = cmd.Collected(stderr_tail="boom", files=[file], log=log, inline={"f": ""})
    transitions.on_collected(state, exited(code=-11), left, 12.0)
    (record,) = drained(state)
    assert record.event.detail == Finished(
        outcome=Outcome.FAILED,
        exit_code=-11,
        error="ended by signal 11",
        slot="s1",
        started_at=10.0,
        duration_s=2.0,
        peak_rss_bytes=1024,
        stderr_tail="boom",
        files=[file],
        log=log,
        inline={"f": ""},
    )


def test_what_the_worker_is_to_blame_for_is_no_failure_of_the_job() -> None:
    state = agent("s1")
    transitions.on_launch(state, launch(), 1.0)
    run(state)
    transitions.on_exit(state, exited(code=1), 12.0)
    drained(state)
    transitions.on_collected(state, exited(code=1), cmd.Collected("no space left", worker_fault=True), 12.0)
    (record,) = drained(state)
    assert record.event.detail.outcome is Outcome.WORKER_FAULT
    assert record.event.detail.error == "exit code 1; no space left"


def test_an_attempt_that_the_worker_cannot_prepare_is_its_fault() -> None:
    state = agent("s1")
    transitions.on_launch(state, launch(), 1.0)
    drained(state)
    transitions.on_not_started(state, Started(("a", 1), 0, "disk full", worker_fault=True), 2.0)
    record = next(item for item in drained(state) if isinstance(item, cmd.Record))
    assert (record.event.detail.outcome, record.event.detail.error) == (Outcome.WORKER_FAULT, "disk full")
