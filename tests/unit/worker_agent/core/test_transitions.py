"""The agent's decisions: inputs in, commands out, and nothing left over."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.unit.worker_agent.core.steps import (
    H1,
    H2,
    TICKS,
    agent,
    brief,
    drained,
    exited,
    launch,
    needing,
)
from worker_agent.core import commands as cmd
from worker_agent.core import slot_assignment, staging, transitions
from worker_agent.core.execution import Started
from worker_agent.core.shares import Device
from worker_agent.core.state import AgentState
from worker_agent.protocol import messages as msg
from worker_agent.protocol.reports import Released

STEPS: dict[str, Callable[[AgentState], None]] = {
    "launch a": lambda s: transitions.on_launch(s, launch("a"), 1.0),
    "launch b": lambda s: transitions.on_launch(s, launch("b"), 1.0),
    "launch c": lambda s: transitions.on_launch(s, launch("c"), 1.0),
    "launch a limited": lambda s: transitions.on_launch(s, launch("a", timeout_s=5.0), 1.0),
    "launch a:1": lambda s: transitions.on_launch(s, needing("a", H1), 1.0),
    "launch b:1": lambda s: transitions.on_launch(s, needing("b", H1), 1.0),
    "launch a:12": lambda s: transitions.on_launch(s, needing("a", H1, H2), 1.0),
    "started a": lambda s: transitions.on_started(s, ("a", 1), 1, TICKS, 10.0),
    "started b": lambda s: transitions.on_started(s, ("b", 1), 2, TICKS, 10.0),
    "not started a": lambda s: transitions.on_not_started(s, Started(("a", 1), 0, "no"), 10.0),
    "taken a": lambda s: transitions.on_slot_taken(s, ("a", 1), {"s1": 1}),
    "none held": lambda s: slot_assignment.on_others(s, {"s1": 0}, {}),
    "s1 held": lambda s: slot_assignment.on_others(s, {"s1": 1}, {}),
    "exit a": lambda s: transitions.on_exit(s, exited(), 12.0),
    "collected a": lambda s: transitions.on_collected(s, exited(), cmd.Collected(), 12.0),
    "collected a 75": lambda s: transitions.on_collected(s, exited(code=75), cmd.Collected(), 12.0),
    "collected a 1": lambda s: transitions.on_collected(s, exited(code=1), cmd.Collected(), 12.0),
    "collected a bad": lambda s: transitions.on_collected(s, exited(), cmd.Collected("bad"), 12.0),
    "cancel a": lambda s: transitions.on_cancel(s, msg.Cancel("a", 1), 3.0),
    "cancel b": lambda s: transitions.on_cancel(s, msg.Cancel("b", 1), 3.0),
    "withdraw a": lambda s: transitions.on_withdraw(s, msg.Withdraw("a", 1), 3.0),
    "withdraw b": lambda s: transitions.on_withdraw(s, msg.Withdraw("b", 1), 3.0),
    "release a": lambda s: transitions.on_release(s, msg.Release("a", 1)),
    "ack 1": lambda s: transitions.on_ack(s, msg.Ack(1)),
    "ack 2": lambda s: transitions.on_ack(s, msg.Ack(2)),
    "ack 99": lambda s: transitions.on_ack(s, msg.Ack(99)),
    "ping": lambda s: transitions.on_ping(s, msg.Ping(1)),
    "shutdown": transitions.on_shutdown,
    "hello": lambda s: transitions.on_hello(s, list(s.devices.values())),
    "hello s2": lambda s: transitions.on_hello(s, [Device("s2")]),
    "found 1": lambda s: staging.on_found(s, H1, 4.0),
    "found 2": lambda s: staging.on_found(s, H2, 4.0),
    "missing 1": lambda s: staging.on_missing(s, H1, 4.0),
    "unsure 1": lambda s: staging.on_unsure(s, H1, 4.0),
    "delivered 1": lambda s: staging.on_delivered(s, msg.Delivered(H1)),
    "delivered nonsense": lambda s: staging.on_delivered(s, msg.Delivered("../x")),
    "fine 1": lambda s: staging.on_verified(s, H1, None, True, 5.0),
    "wrong 1": lambda s: staging.on_verified(s, H1, "wrong", True, 5.0),
    "rotten 1": lambda s: staging.on_verified(s, H1, "wrong", False, 5.0),
    "unfit a:1 missing": lambda s: transitions.on_unfit(s, ("a", 1), H1, "missing", 6.0),
    "unfit a:1 unsure": lambda s: transitions.on_unfit(s, ("a", 1), H1, "unsure", 6.0),
    "look again": staging.look_again,
    "tick 14": lambda s: transitions.on_tick(s, 14.9),
    "tick 15": lambda s: transitions.on_tick(s, 15.0),
    "lost a": lambda s: transitions.on_lost(s, ("a", 1), "gone", 9.0),
}

# One case is slots, then steps with the commands that each gives.
CASES: dict[str, tuple[list[str], list[tuple[str, list[str]]]]] = {
    "a job from launch to release": (
        ["s1"],
        [
            ("launch a", ["keep a", "start a on s1"]),
            ("started a", ["running a"]),
            ("exit a", ["free s1", "collect a"]),
            ("collected a", ["finished a succeeded"]),
            ("ack 2", ["acked 2"]),
            ("release a", ["released a", "discard a"]),
            ("launch a", ["send released"]),
        ],
    ),
    "a launch is idempotent in every phase": (
        ["s1"],
        [
            ("launch a", ["keep a", "start a on s1"]),
            ("launch a", []),
            ("started a", ["running a"]),
            ("launch a", []),
            ("exit a", ["free s1", "collect a"]),
            ("launch a", []),
            ("collected a", ["finished a succeeded"]),
            ("launch a", []),
        ],
    ),
    "the queue is first in, first out": (
        ["s1"],
        [
            ("launch a", ["keep a", "start a on s1"]),
            ("launch b", ["keep b"]),
            ("launch c", ["keep c"]),
            ("started a", ["running a"]),
            ("exit a", ["free s1", "collect a", "start b on s1"]),
        ],
    ),
    "two slots take two jobs": (
        ["s1", "s2"],
        [("launch a", ["keep a", "start a on s1"]), ("launch b", ["keep b", "start b on s2"])],
    ),
    "an artefact in the cache is used": (
        ["s1"],
        [("launch a:1", ["keep a", "look 1"]), ("found 1", ["start a on s1"])],
    ),
    "a missing artefact is wanted once for all": (
        ["s1"],
        [
            ("launch a:1", ["keep a", "look 1"]),
            ("missing 1", ["staging a", "send wanted"]),
            ("launch b:1", ["keep b", "staging b"]),
            ("hello", ["send wanted"]),
            ("look again", ["look 1"]),
            ("delivered 1", ["verify 1 delivered"]),
            ("delivered 1", []),
            ("hello", []),
            ("fine 1", ["start a on s1"]),
        ],
    ),
    "a job waits for all its artefacts": (
        ["s1"],
        [
            ("launch a:12", ["keep a", "look 1", "look 2"]),
            ("found 1", []),
            ("found 2", ["start a on s1"]),
        ],
    ),
    "what is rejected is waited for": (
        ["s1"],
        [
            ("launch a:1", ["keep a", "look 1"]),
            ("missing 1", ["staging a", "send wanted"]),
            ("delivered 1", ["verify 1 delivered"]),
            ("wrong 1", ["send rejected"]),
            ("delivered 1", ["verify 1 delivered"]),
            ("fine 1", ["start a on s1"]),
        ],
    ),
    "a delivery that nobody needs yet is kept": (
        ["s1"],
        [
            ("delivered 1", ["verify 1 delivered"]),
            ("fine 1", []),
            ("launch a:1", ["keep a", "start a on s1"]),
        ],
    ),
    "a name that is no hash is rejected": (["s1"], [("delivered nonsense", ["send rejected"])]),
    "a doubtful artefact is hashed first": (
        ["s1"],
        [
            ("launch a:1", ["keep a", "look 1"]),
            ("unsure 1", ["verify 1 cached", "staging a"]),
            ("rotten 1", ["send wanted"]),
        ],
    ),
    "an artefact that went bad sends the job back": (
        ["s1"],
        [
            ("launch a:1", ["keep a", "look 1"]),
            ("found 1", ["start a on s1"]),
            ("unfit a:1 unsure", ["free s1", "verify 1 cached", "staging a"]),
            ("fine 1", ["start a on s1"]),
            ("unfit a:1 missing", ["free s1", "send wanted"]),
        ],
    ),
    "a slot that somebody took is tried again when it is free": (
        ["s1"],
        [
            ("launch a", ["keep a", "start a on s1"]),
            ("launch b", ["keep b"]),
            ("taken a", ["free s1", "send slots"]),
            ("none held", ["send slots", "start a on s1"]),
        ],
    ),
    "slots that others hold are not used": (
        ["s1", "s2"],
        [
            ("s1 held", ["send slots"]),
            ("s1 held", []),
            ("launch a", ["keep a", "start a on s2"]),
            ("launch b", ["keep b"]),
            ("none held", ["send slots", "start b on s1"]),
        ],
    ),
    "a queued job is cancelled at once": (
        [],
        [("launch a", ["keep a"]), ("cancel a", ["finished a cancelled"]), ("cancel a", [])],
    ),
    "a cancelled job gives its place in the queue to the next": (
        ["s1"],
        [
            ("launch a", ["keep a", "start a on s1"]),
            ("launch b", ["keep b"]),
            ("launch c", ["keep c"]),
            ("cancel b", ["finished b cancelled"]),
            ("not started a", ["free s1", "finished a refused", "start c on s1"]),
        ],
    ),
    "a running job is stopped once": (
        ["s1"],
        [
            ("launch a", ["keep a", "start a on s1"]),
            ("started a", ["running a"]),
            ("withdraw a", []),
            ("cancel a", ["verdict a cancelled", "stop a"]),
            ("cancel a", []),
            ("exit a", ["free s1", "collect a"]),
            ("cancel a", []),
            ("collected a", ["finished a cancelled"]),
        ],
    ),
    "a queued job can be withdrawn": (
        [],
        [("launch b", ["keep b"]), ("withdraw b", ["finished b cancelled"]), ("withdraw a", [])],
    ),
    "a job that takes too long is stopped": (
        ["s1"],
        [
            ("launch a limited", ["keep a", "start a on s1"]),
            ("started a", ["running a"]),
            ("tick 14", []),
            ("tick 15", ["verdict a timeout", "stop a"]),
            ("tick 15", []),
            ("exit a", ["free s1", "collect a"]),
            ("collected a", ["finished a timeout"]),
        ],
    ),
    "messages about what is not known are ignored": (
        ["s1"],
        [("cancel a", []), ("withdraw a", []), ("release a", []), ("ack 99", []), ("ping", ["send pong"])],
    ),
    "a release before the end is ignored": (
        ["s1"],
        [("launch a", ["keep a", "start a on s1"]), ("release a", []), ("launch a", [])],
    ),
    "the agent leaves when all is done and acknowledged": (
        ["s1"],
        [
            ("launch a", ["keep a", "start a on s1"]),
            ("shutdown", []),
            ("started a", ["running a"]),
            ("exit a", ["free s1", "collect a"]),
            ("collected a", ["finished a succeeded"]),
            ("ack 1", ["acked 1"]),
            ("ack 2", ["acked 2", "leave"]),
        ],
    ),
    "an idle agent leaves at once": (["s1"], [("shutdown", ["leave"])]),
    "a new master keeps the agent": (
        ["s1"],
        [
            ("launch a", ["keep a", "start a on s1"]),
            ("shutdown", []),
            ("hello", []),
            ("lost a", ["free s1", "finished a lost"]),
            ("ack 1", ["acked 1"]),
        ],
    ),
    "slots that the settings lost go when they are free": (
        ["s1"],
        [
            ("launch a", ["keep a", "start a on s1"]),
            ("launch b", ["keep b"]),
            ("launch c", ["keep c"]),
            ("hello s2", ["start b on s2"]),
            ("started a", ["running a"]),
            ("exit a", ["free s1", "collect a"]),
            ("collected a", ["finished a succeeded"]),
        ],
    ),
    "the outcome of exit 75": (
        ["s1"],
        [
            ("launch a", ["keep a", "start a on s1"]),
            ("started a", ["running a"]),
            ("exit a", ["free s1", "collect a"]),
            ("collected a 75", ["finished a requeue"]),
        ],
    ),
    "the outcome of another exit code": (
        ["s1"],
        [
            ("launch a", ["keep a", "start a on s1"]),
            ("started a", ["running a"]),
            ("exit a", ["free s1", "collect a"]),
            ("collected a 1", ["finished a failed"]),
        ],
    ),
    "success without what the phase asks for": (
        ["s1"],
        [
            ("launch a", ["keep a", "start a on s1"]),
            ("started a", ["running a"]),
            ("exit a", ["free s1", "collect a"]),
            ("collected a bad", ["finished a failed"]),
        ],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_steps_give_these_commands(name: str) -> None:
    slots, steps = CASES[name]
    state = agent(*slots)
    for number, (step, expected) in enumerate(steps):
        STEPS[step](state)
        assert sorted(brief(drained(state))) == sorted(expected), f"step {number}, {step}"


def test_events_are_numbered_without_a_gap() -> None:
    state = agent()
    for index in range(5):
        transitions.on_launch(state, launch(f"j{index}"), 1.0)
        transitions.on_cancel(state, msg.Cancel(f"j{index}", 1), 2.0)
    events = [item.event.seq for item in drained(state) if isinstance(item, cmd.Record)]
    assert events == [1, 2, 3, 4, 5]


def test_jobs_wait_until_their_environment_is_whole() -> None:
    state = agent("s1")
    transitions.on_hello(state, list(state.devices.values()), incomplete=True)
    transitions.on_launch(state, launch("a"), 1.0)
    assert "start a on s1" not in brief(drained(state))
    transitions.on_complete(state)
    assert brief(drained(state)) == ["start a on s1"]


def test_a_launch_that_was_released_of_old_is_answered() -> None:
    state = agent("s1")
    state.released["a"] = 3
    transitions.on_launch(state, launch("a", 2), 1.0)
    (told,) = drained(state)
    assert told == cmd.Send(Released("a", 3)) and not state.attempts
