"""Attempts that train at once: how they come to a slot, share it, and leave it."""

from __future__ import annotations

from typing import Any

from tests.unit.worker_agent.core.steps import H1, H2, TICKS, agent, brief, drained, launch, needing
from worker_agent.core import commands as cmd
from worker_agent.core import deadlines, queries, slot_assignment, staging, transitions
from worker_agent.core.execution import Exit, Started
from worker_agent.core.state import AgentState, Phase
from worker_agent.protocol import messages as msg
from worker_agent.protocol.outcome import Finished, Outcome


def grouped(*names: str, state: AgentState | None = None, group: str = "g1", **more: Any) -> AgentState:
    """Return an agent with one slot that was told to launch these attempts at once."""
    state = agent("s1") if state is None else state
    transitions.on_launch_all(state, [launch(name, group=group, **more) for name in names], 1.0)
    return state


def starts(state: AgentState) -> list[tuple[str, list[str], str]]:
    """Return what has been started since the last call: first, riders and slot."""
    found = [item for item in drained(state) if isinstance(item, cmd.Start)]
    return [(item.launch.job_id, [each.job_id for each in item.riders], item.slot) for item in found]


def run(state: AgentState, *names: str, at: float = 2.0) -> None:
    for name in names:
        transitions.on_started(state, (name, 1), 77, TICKS, at)


def ended(state: AgentState, name: str, at: float = 3.0, **more: Any) -> Finished:
    """End an attempt and return what is told of it."""
    exit = Exit((name, 1), 0, None, 1.0, **more)
    transitions.on_exit(state, exit, at)
    transitions.on_collected(state, exit, cmd.Collected(), at)
    (told,) = (item.event.detail for item in state.outbox if isinstance(item, cmd.Record))
    assert isinstance(told, Finished)
    return told


def test_a_group_takes_one_slot() -> None:
    state = grouped("a", "b", "c")
    assert starts(state) == [("a", ["b", "c"], "s1")]
    run(state, "a", "b", "c")
    assert {*queries.on_slots(state)} == {("a", 1), ("b", 1), ("c", 1)} and len(queries.running(state)) == 3
    assert slot_assignment.in_use(state).keys() == {"s1"}


def test_groups_and_lone_attempts_keep_to_themselves() -> None:
    state = agent("s1", "s2", "s3")
    launches = [launch("a", group="g1"), launch("lone"), launch("b", group="g2"), launch("c", group="g1")]
    transitions.on_launch_all(state, launches, 1.0)
    assert starts(state) == [("a", ["c"], "s1"), ("lone", [], "s2"), ("b", [], "s3")]


def test_the_slot_is_free_when_the_last_has_ended() -> None:
    state = grouped("a", "b", "c")
    run(state, "a", "b", "c")
    drained(state)
    for name in ("a", "c"):
        told = ended(state, name)
        assert (told.group, told.together, told.slot) == ("g1", 3, "s1")
        assert "free s1" not in brief(drained(state))
    transitions.on_launch(state, launch("next"), 3.0)
    assert starts(state) == [], "it is not free"
    ended(state, "b")
    assert starts(state) == [("next", [], "s1")]
    assert not state.riders


def test_an_attempt_that_comes_later_does_not_join() -> None:
    state = grouped("a", "b")
    drained(state)
    grouped("c", state=state)
    assert starts(state) == []


def test_what_lacks_something_is_not_waited_for_but_what_is_looked_for_is() -> None:
    state = agent("s1", "s2")
    first, second, third = needing("a", H1), needing("b", H2), launch("c")
    group = [msg.Launch(**{**each.__dict__, "group": "g1"}) for each in (first, second, third)]
    transitions.on_launch_all(state, group, 1.0)
    assert starts(state) == [], "the cache is being looked at"
    staging.on_found(state, H1, 1.0)
    assert starts(state) == []
    staging.on_missing(state, H2, 1.0)
    assert starts(state) == [("a", ["c"], "s1")]
    staging.on_delivered(state, msg.Delivered(H2))
    staging.on_verified(state, H2, None, delivered=True, now=2.0)
    assert starts(state) == [("b", [], "s2")], "it does not wait for others"


def test_a_slot_that_was_taken_sends_all_back_to_their_place() -> None:
    state = grouped("a", "b")
    drained(state)
    for name in ("a", "b"):
        transitions.on_slot_taken(state, (name, 1), {"s1": 1})
    assert brief(drained(state)).count("free s1") == 1
    slot_assignment.on_others(state, {}, {})
    assert starts(state) == [("a", ["b"], "s1")]


def test_those_whose_slot_was_taken_share_another_one() -> None:
    state = grouped("a", "b", "c", state=agent("s1", "s2"))
    assert starts(state) == [("a", ["b", "c"], "s1")]
    transitions.on_slot_taken(state, ("a", 1), {"s1": 1}, [("b", 1), ("c", 1)])
    assert starts(state) == [("a", ["b", "c"], "s2")]


def test_nobody_starts_twice_who_waits_again_for_what_was_there() -> None:
    state = agent("s1")
    both = [msg.Launch(**{**needing(name, H1).__dict__, "group": "g1"}) for name in ("a", "b")]
    transitions.on_launch_all(state, both, 1.0)
    staging.on_found(state, H1, 1.0)
    assert starts(state) == [("a", ["b"], "s1")]
    transitions.on_unfit(state, ("a", 1), H1, "missing", 1.0)
    staging.on_delivered(state, msg.Delivered(H1))
    staging.on_verified(state, H1, None, delivered=True, now=2.0)
    run(state, "b")
    drained(state)
    ended(state, "b")
    assert starts(state) == [("a", [], "s1")]


def test_who_cannot_be_started_leaves_the_slot_to_the_others() -> None:
    state = grouped("a", "b", "c")
    drained(state)
    transitions.on_not_started(state, Started(("a", 1), 0, "no such program"), 2.0)
    assert brief(drained(state)) == ["finished a refused"]
    run(state, "b", "c")
    assert state.attempts["b", 1].together == 2 and state.attempts["a", 1].phase is Phase.FINISHED
    drained(state)
    ended(state, "b")
    ended_last = brief(drained(state))
    assert "free s1" not in ended_last and slot_assignment.holders(state, "s1") == [("c", 1)]


def test_who_cannot_train_with_others_gets_a_slot_alone() -> None:
    state = grouped("a", "b")
    drained(state)
    for name in ("a", "b"):
        transitions.on_alone(state, Started((name, 1), 0, "no groups here", alone=True), 2.0)
    assert starts(state)[-1] == ("a", [], "s1") and state.attempts["a", 1].alone == "no groups here"
    run(state, "a")
    drained(state)
    told = ended(state, "a")
    assert told.group is None and told.together is None
    assert starts(state) == [("b", [], "s1")]


def test_who_was_cancelled_meanwhile_is_not_started_alone() -> None:
    state = grouped("a", "b")
    transitions.on_cancel(state, msg.Cancel("a", 1), 2.0)
    drained(state)
    transitions.on_alone(state, Started(("a", 1), 0, "no groups here", alone=True), 2.0)
    assert "finished a cancelled" in brief(drained(state))


def test_each_has_its_own_share_of_the_time() -> None:
    state = grouped("a", "b", "c", "d", timeout_s=10.0, stall_timeout_s=5.0)
    run(state, "a", "b", "c", "d", at=100.0)
    attempt = state.attempts["a", 1]
    assert attempt.deadline == 140.0 and deadlines.due_at(attempt) == 120.0
    deadlines.on_sign(attempt, (1,), 116.0)
    drained(state)
    for name in ("c", "d"):
        ended(state, name, at=120.0)
        drained(state)
    # Of its own it has been silent for 1 s.
    assert attempt.deadline == 140.0 and deadlines.due_at(attempt) == 128.0
    ended(state, "b", at=124.0)
    # 3 s; and it may have waited for its turn until now.
    assert attempt.deadline == 134.0 and deadlines.due_at(attempt) == 126.0
    transitions.on_tick(state, 126.0)
    assert attempt.verdict is Outcome.STALLED
    assert deadlines.explain(attempt) == (
        "no log line and no progress for 5 s of its own share (it began with 3 others)"
    )


def test_who_takes_its_turn_after_others_has_all_of_its_time() -> None:
    state = grouped("a", "b", "c", timeout_s=10.0)
    run(state, "a", "b", "c", at=100.0)
    drained(state)
    for name, at in (("a", 109.0), ("b", 118.0)):
        ended(state, name, at=at)
        drained(state)
    transitions.on_tick(state, 127.0)
    assert state.attempts["c", 1].verdict is None
    transitions.on_tick(state, 128.0)
    assert state.attempts["c", 1].verdict is Outcome.TIMEOUT


def test_a_sign_of_life_is_one_of_all_that_run_in_the_slot() -> None:
    state = agent("s1", "s2")
    grouped("a", "b", state=state, stall_timeout_s=5.0)
    grouped("other", state=state, group="g2", stall_timeout_s=5.0)
    run(state, "a", "b", "other", at=100.0)
    a, b, other = (state.attempts[name, 1] for name in ("a", "b", "other"))
    assert {each.key for each in queries.that_show_life(state)} == {a.key, b.key, other.key}
    assert (queries.mates(state, b), queries.mates(state, other)) == ([a], [])
    deadlines.on_sign(b, (1,), 108.0, queries.mates(state, b))
    transitions.on_tick(state, 111.0)
    assert (a.verdict, b.verdict, other.verdict) == (None, None, Outcome.STALLED)
    drained(state)
    ended(state, "b", at=112.0)
    assert queries.mates(state, b) == [] == queries.mates(state, a)


def test_who_is_not_watched_shows_life_for_a_mate_that_is() -> None:
    state = agent("s1")
    launches = [launch("a", group="g1", stall_timeout_s=5.0), launch("b", group="g1")]
    transitions.on_launch_all(state, launches, 1.0)
    run(state, "a", "b", at=100.0)
    assert {attempt.key[0] for attempt in queries.that_show_life(state)} == {"a", "b"}


def test_a_gpu_that_is_gone_ends_all_of_a_group() -> None:
    state = grouped("a", "b")
    run(state, "a", "b")
    transitions.on_gpus_gone(state, {"s1"})
    assert {attempt.verdict for attempt in state.attempts.values()} == {Outcome.LOST}
