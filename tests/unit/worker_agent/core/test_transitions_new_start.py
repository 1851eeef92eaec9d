"""A master that was started anew may have forgotten what it had acknowledged."""

from __future__ import annotations

import dataclasses

from tests.unit.worker_agent.core.steps import agent, drained, exited, launch, run
from worker_agent.core import commands as cmd
from worker_agent.core import transitions


def test_a_master_that_was_started_anew_hears_again_how_attempts_ended_that_are_still_here() -> None:
    state = agent("s1")
    transitions.on_launch(state, launch("a"), 1.0)
    run(state)
    transitions.on_exit(state, exited(), 12.0)
    transitions.on_collected(state, exited(), cmd.Collected(), 12.0)
    told = [item.event for item in state.outbox if isinstance(item, cmd.Record)][-1]
    drained(state)
    gone = dataclasses.replace(told, job_id="gone")
    transitions.on_new_start(state, [told, gone])
    (again,) = [item.event for item in state.outbox if isinstance(item, cmd.Record)]
    assert again == dataclasses.replace(told, seq=told.seq + 1)
