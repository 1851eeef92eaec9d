"""What becomes of attempts when the machine is taken back."""

from __future__ import annotations

from tests.unit.worker_agent.core.steps import H1, agent, brief, drained, exited, launch, needing, run
from worker_agent.core import commands as cmd
from worker_agent.core import transitions
from worker_agent.core.state import AgentState, Phase
from worker_agent.protocol.outcome import CheckpointLeft, Finished, Outcome

WHY = "its allocation is about to end"


def two_launched() -> AgentState:
    """Return an agent where `a` runs and `b` waits for its slot."""
    state = agent("s1")
    for job in "ab":
        transitions.on_launch(state, launch(job), 1.0)
    drained(state)
    run(state)
    return state


def finished(item: object) -> Finished:
    assert isinstance(item, cmd.Record) and isinstance(item.event.detail, Finished)
    return item.event.detail


def test_what_runs_is_asked_to_end_and_what_waits_has_ended() -> None:
    state = two_launched()
    transitions.on_evict(state, WHY, 90.0, 20.0)
    stop = cmd.Stop(("a", 1), grace_s=30.0)
    out = drained(state)
    assert stop in out
    assert brief(out) == ["verdict a evicted", "stop a", "finished b evicted"]
    assert finished(out[2]).error == WHY


def test_its_outcome_is_evicted_with_its_checkpoint_however_it_ended() -> None:
    left = cmd.Collected(checkpoint=CheckpointLeft("c" * 64))
    for code in (0, 1, -15, -9):
        state = two_launched()
        transitions.on_evict(state, WHY, 90.0, 20.0)
        drained(state)
        transitions.on_exit(state, exited(code=code), 25.0)
        (collect,) = [item for item in drained(state) if isinstance(item, cmd.Collect)]
        assert collect.stopped
        transitions.on_collected(state, exited(code=code), left, 26.0)
        (record,) = [item for item in drained(state) if isinstance(item, cmd.Record)]
        done = finished(record)
        assert (done.outcome, done.error, done.can_go_on) == (Outcome.EVICTED, WHY, True)


def test_a_launch_that_comes_later_is_evicted_at_once() -> None:
    state = two_launched()
    transitions.on_evict(state, WHY, 90.0, 20.0)
    drained(state)
    transitions.on_launch(state, needing("c", H1), 21.0)
    assert brief(drained(state)) == ["keep c", "finished c evicted"]


def test_it_may_be_told_again_with_less_time() -> None:
    state = two_launched()
    transitions.on_evict(state, WHY, 90.0, 20.0)
    drained(state)
    transitions.on_evict(state, "its allocation was ended", 15.0, 30.0)
    assert drained(state) == [cmd.Stop(("a", 1), grace_s=5.0)]
    assert state.evicted == WHY


def test_what_was_being_stopped_for_another_reason_keeps_it_and_is_hurried() -> None:
    state = two_launched()
    state.attempts["a", 1].verdict = Outcome.TIMEOUT
    transitions.on_evict(state, WHY, 90.0, 20.0)
    assert brief(drained(state)) == ["stop a", "finished b evicted"]
    assert state.attempts["a", 1].verdict is Outcome.TIMEOUT


def test_what_has_ended_stays_as_it_is() -> None:
    state = two_launched()
    transitions.on_exit(state, exited(), 12.0)
    transitions.on_collected(state, exited(), cmd.Collected(), 12.0)
    drained(state)
    transitions.on_evict(state, WHY, 90.0, 20.0)
    assert state.attempts["a", 1].succeeded
    assert all(one.phase in (Phase.FINISHED, Phase.STARTING) for one in state.attempts.values())
