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
