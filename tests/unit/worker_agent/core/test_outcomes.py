"""What is told at the end of an attempt."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tests.unit.worker_agent.core.steps import (
    agent,
    drained,
    exited,
    launch,
    run,
)
from worker_agent.core import commands as cmd
from worker_agent.core import transitions
from worker_agent.core.excess import Excess
from worker_agent.core.execution import Exit, Started
from worker_agent.core.state import AgentState
from worker_agent.protocol import messages as msg
from worker_agent.protocol.digests import FileDigest
from worker_agent.protocol.outcome import BaseModelLeft, Finished, Outcome
from worker_agent.protocol.terms import JobLimits


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


LIMITS = JobLimits(memory_bytes=100, output_bytes=10)


def limited(code: int = 0, **exit: Any) -> tuple[AgentState, Exit]:
    """Return an agent whose attempt with limits is being collected, and how that ended."""
    state = agent("s1")
    transitions.on_launch(state, launch(limits=LIMITS), 1.0)
    run(state)
    done = replace(exited(code=code), **exit)
    return state, done


def end_of(state: AgentState, done: Exit, left: cmd.Collected | None = None) -> tuple[Outcome, str | None]:
    transitions.on_exit(state, done, 12.0)
    transitions.on_collected(state, done, left or cmd.Collected(), 12.0)
    detail = [item for item in drained(state) if isinstance(item, cmd.Record)][-1].event.detail
    assert isinstance(detail, Finished)
    return detail.outcome, detail.error


def test_an_attempt_that_takes_too_much_is_stopped_at_once_and_says_why() -> None:
    state, done = limited(-9)
    drained(state)
    transitions.on_excess(state, Excess(("a", 1), "over its limit"))
    transitions.on_excess(state, Excess(("a", 1), "again"))
    assert drained(state) == [
        cmd.KeepVerdict(("a", 1), Outcome.OVER_LIMIT, "over its limit"),
        cmd.Stop(("a", 1), at_once=True),
    ]
    assert end_of(state, done) == (Outcome.OVER_LIMIT, "over its limit")


def test_an_excess_that_is_told_after_the_end_changes_nothing() -> None:
    state, done = limited()
    assert end_of(state, done) == (Outcome.SUCCEEDED, None)
    transitions.on_excess(state, Excess(("a", 1), "late"))
    transitions.on_excess(state, Excess(("unknown", 1), "late"))
    assert drained(state) == []


def test_what_the_kernel_ended_for_its_limit_is_over_it_and_for_a_full_machine_is_the_place_s() -> None:
    assert end_of(*limited(-9, over_limit="too much")) == (Outcome.OVER_LIMIT, "too much")
    outcome, error = end_of(*limited(-9, machine_full=True))
    assert outcome is Outcome.WORKER_FAULT
    assert error and error.endswith("the machine had no memory left; the job was within its own limit")
    assert end_of(*limited(0, machine_full=True)) == (Outcome.SUCCEEDED, None)
    assert end_of(*limited(-9))[0] is Outcome.FAILED


def test_what_systemd_has_not_begun_is_the_place_s_fault() -> None:
    outcome, error = end_of(*limited(1, refused="Failed to start transient scope unit: no"))
    assert outcome is Outcome.WORKER_FAULT
    assert error and error.startswith("systemd has not begun the job") and error.endswith("scope unit: no")


def test_what_was_cancelled_first_is_cancelled() -> None:
    state, done = limited(-9, over_limit="too much")
    transitions.on_cancel(state, msg.Cancel("a", 1), 11.0)
    assert end_of(state, done) == (Outcome.CANCELLED, None)


def test_output_is_counted_at_the_end_too() -> None:
    files, log = [FileDigest("f", 6, "0")], FileDigest("log.txt", 4, "0")
    assert end_of(*limited(), cmd.Collected(files=files, log=log)) == (Outcome.SUCCEEDED, None)
    base = BaseModelLeft("h", [FileDigest("m", 1, "0")])
    outcome, error = end_of(*limited(), cmd.Collected(files=files, log=log, base_model=base))
    assert outcome is Outcome.OVER_LIMIT and error and error.startswith("over its limit of output: it wrote")


def test_what_takes_no_room_is_no_output() -> None:
    sparse = [FileDigest("sparse", 10**10, "0")]
    for room, outcome in ((10, Outcome.SUCCEEDED), (11, Outcome.OVER_LIMIT)):
        left = cmd.Collected(files=sparse, hole_bytes=10**10 - room)
        assert end_of(*limited(), left)[0] is outcome
