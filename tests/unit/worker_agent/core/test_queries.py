"""What is read from the state of the agent."""

from __future__ import annotations

from tests.unit.worker_agent.core.steps import TICKS, agent, exited, launch
from worker_agent.core import commands as cmd
from worker_agent.core import queries, transitions
from worker_agent.protocol import messages as msg


def test_an_agent_that_holds_nothing_waits_less_for_a_master() -> None:
    state = agent("s1")
    assert [queries.patience_s(state, most_s) for most_s in (1800.0, 5.0)] == [60.0, 5.0]
    transitions.on_launch(state, launch(), 1.0)
    assert queries.patience_s(state, 1800.0) == 1800.0
    transitions.on_started(state, ("a", 1), 1, TICKS, 10.0)
    transitions.on_exit(state, exited(), 12.0)
    transitions.on_collected(state, exited(), cmd.Collected(), 12.0)
    assert queries.patience_s(state, 1800.0) == 1800.0, "the master has still to hear of it"
    transitions.on_release(state, msg.Release("a", 1))
    assert queries.patience_s(state, 1800.0) == 60.0
