"""What was not as announced when it came home is hashed again where it was made."""

from __future__ import annotations

import pytest

from tests.unit.worker_agent.core.steps import H1, TICKS, agent, drained, exited, needing
from worker_agent.core import commands as cmd
from worker_agent.core import transitions
from worker_agent.core.state import Artefact
from worker_agent.protocol import messages as msg
from worker_agent.protocol.outcome import BaseModelLeft


@pytest.mark.parametrize("suspect", [False, True])
def test_what_a_suspect_attempt_used_and_made_is_hashed_again(suspect: bool) -> None:
    state, made = agent("s1"), BaseModelLeft("e" * 64, [])
    state.artefacts[H1] = Artefact.PRESENT
    transitions.on_launch(state, needing("a", H1), 1.0)
    transitions.on_started(state, ("a", 1), 1, TICKS, 10.0)
    transitions.on_exit(state, exited(), 12.0)
    transitions.on_collected(state, exited(), cmd.Collected(base_model=made), 12.0)
    drained(state)
    transitions.on_release(state, msg.Release("a", 1, suspect))
    doubts = [item.content_hash for item in drained(state) if isinstance(item, cmd.Doubt)]
    assert doubts == (sorted([H1, made.content_hash]) if suspect else [])
