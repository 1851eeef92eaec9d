"""What cannot be launched is refused at once, with the reason."""

from __future__ import annotations

import pytest

from tests.unit.worker_agent.core.steps import H1, agent, drained, launch
from worker_agent.core import commands as cmd
from worker_agent.core import transitions
from worker_agent.protocol import messages as msg
from worker_agent.protocol.outcome import Outcome
from worker_agent.protocol.terms import JobLimits


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (launch(""), "job id ''"),
        (launch(".."), "job id '..'"),
        (launch("x" * 201), "allowed are 1 to 200"),
        (launch("a,b"), "holds a comma"),
        (launch(phase=0), "phase is 0, allowed are 1 and 2"),
        (launch(argv=[]), "argv must be"),
        (launch(argv=["x", "a\0b"]), "argv must be"),
        (launch(base_model="../x"), "'../x' is not a content hash"),
        (launch(limits=JobLimits(processes=0)), "limits: processes is below 1"),
        (launch(mounts=[msg.Mount("d")]), "exactly one of artefact and path"),
        (launch(mounts=[msg.Mount("d", H1, "/x")]), "exactly one of artefact and path"),
        (launch(mounts=[msg.Mount("/d", path="/x")]), "relative paths without .."),
        (launch(mounts=[msg.Mount("d/../../e", path="/x")]), "relative paths without .."),
    ],
)
def test_a_launch_that_cannot_be_is_refused_with_the_reason(wrong: msg.Launch, problem: str) -> None:
    state = agent("s1")
    transitions.on_launch(state, wrong, 1.0)
    keep, record = drained(state)
    assert keep == cmd.KeepLaunch(wrong)
    assert record.event.detail.outcome is Outcome.REFUSED and problem in record.event.detail.error
