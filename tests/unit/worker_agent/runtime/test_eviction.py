"""When an agent leaves a machine that is lent to it."""

from __future__ import annotations

import pytest

from tests.unit.worker_agent.core.steps import TICKS, agent, drained, exited, launch
from worker_agent.core import commands as cmd
from worker_agent.core import transitions
from worker_agent.core.state import AgentState
from worker_agent.protocol.messages import Ack
from worker_agent.protocol.outcome import Outcome
from worker_agent.runtime import eviction as module
from worker_agent.runtime.eviction import Eviction, Term


class Lent:
    """A machine whose clock a test sets."""

    def __init__(self, state: AgentState, term: Term) -> None:
        self.state, self.at, self.has_master = state, 1000.0, True
        self.eviction = Eviction(state, term, lambda: self.has_master, lambda: 5.0, lambda: self.at)

    def heed(self) -> list[object]:
        self.eviction.heed([])
        return drained(self.state)


@pytest.fixture
def lent(monkeypatch: pytest.MonkeyPatch) -> Lent:
    said: list[str] = []
    monkeypatch.setattr(module, "complain", said.append)
    state = agent("s1")
    transitions.on_launch(state, launch("a"), 1.0)
    transitions.on_started(state, ("a", 1), 1, TICKS, 2.0)
    drained(state)
    return Lent(state, Term(3600.0, 120.0))


def stop_of(lent: Lent) -> cmd.Stop:
    (stop,) = [item for item in lent.heed() if isinstance(item, cmd.Stop)]
    return stop


def test_nothing_happens_before_the_notice(lent: Lent) -> None:
    lent.at += 3479.0
    assert lent.heed() == []
    assert lent.eviction.wait_s() == 1.0
    assert not lent.eviction.is_over


def test_the_clock_is_enough_without_any_signal(lent: Lent) -> None:
    lent.at += 3480.0
    assert stop_of(lent).grace_s == 40.0
    assert "time of its allocation is over" in lent.state.evicted
    assert lent.heed() == []


def test_a_signal_is_enough_before_the_clock(lent: Lent) -> None:
    lent.eviction.near()
    assert stop_of(lent).grace_s == 40.0


def test_one_that_is_ended_now_has_little_time_also_after_notice(lent: Lent) -> None:
    lent.eviction.near()
    lent.heed()
    lent.eviction.now()
    grace_s = stop_of(lent).grace_s
    assert grace_s is not None and 3 * grace_s <= module.KILLED_S


def test_without_a_term_only_signals_end_it() -> None:
    lent = Lent(agent("s1"), Term())
    lent.at += 1e9
    assert (lent.heed(), lent.eviction.wait_s()) == ([], None)


def test_it_stays_until_all_has_ended_and_the_master_knows(lent: Lent) -> None:
    lent.eviction.near()
    lent.heed()
    assert not lent.eviction.is_over
    transitions.on_exit(lent.state, exited(), 12.0)
    transitions.on_collected(lent.state, exited(), cmd.Collected(), 12.0)
    assert not lent.eviction.is_over
    transitions.on_ack(lent.state, Ack(lent.state.seq))
    assert lent.eviction.is_over


def test_a_master_that_does_not_listen_is_not_waited_for_long(lent: Lent) -> None:
    lent.eviction.near()
    lent.heed()
    transitions.on_exit(lent.state, exited(), 12.0)
    transitions.on_collected(lent.state, exited(), cmd.Collected(), 12.0)
    assert not lent.eviction.is_over
    lent.at += 5.1
    assert lent.eviction.is_over


def test_without_a_master_nobody_is_waited_for(lent: Lent) -> None:
    lent.has_master = False
    lent.eviction.now()
    lent.heed()
    transitions.on_exit(lent.state, exited(), 12.0)
    transitions.on_collected(lent.state, exited(), cmd.Collected(), 12.0)
    assert lent.eviction.is_over


def test_one_that_fails_just_before_the_agent_is_told_has_not_failed(lent: Lent) -> None:
    """Slurm signals the processes of an allocation one after the other: the agent may be the last."""
    failed = exited(code=130)
    assert lent.eviction.heed([failed]) == []
    assert lent.eviction.wait_s() is not None
    lent.at += module.DOUBT_S / 2
    lent.eviction.now()
    assert lent.eviction.heed([]) == [failed]
    assert lent.state.attempts["a", 1].verdict is Outcome.EVICTED
    assert lent.eviction.heed([]) == []


def test_one_that_fails_by_itself_is_told_a_little_later(lent: Lent) -> None:
    failed = exited(code=1)
    assert lent.eviction.heed([failed]) == []
    lent.at += module.DOUBT_S
    assert lent.eviction.heed([]) == [failed]
    assert lent.state.attempts["a", 1].verdict is None
    assert lent.eviction.heed([]) == []


def test_what_has_succeeded_or_was_asked_to_end_is_told_at_once(lent: Lent) -> None:
    assert lent.eviction.heed([exited()]) == [exited()]
    lent.state.attempts["a", 1].verdict = Outcome.CANCELLED
    assert lent.eviction.heed([exited(code=-15)]) == [exited(code=-15)]
