"""What cannot be read ends a link; a worker that says nothing else is given up."""

from __future__ import annotations

import pytest

from master.adapters.agent_links.unreadable import MOST_UNREADABLE, Unreadable
from master.core.running import events as ev
from master.errors import WorkerUnusable
from tests.unit.master.adapters.link_world import WELCOME, World, event
from worker_agent.protocol import messages as msg
from worker_agent.protocol.lines import PREAMBLE
from worker_agent.protocol.reports import Progress, Said

BROKEN = {
    "garbage": b"Segmentation fault\n",
    "a message to agents with a wrong field": b'{"type":"pong","number":"x"}\n',
    "an unknown message": b'{"type":"gossip"}\n',
    "an unknown event": msg.encode(event(4, "exploded", {})),
    "an outcome without an outcome": msg.encode(event(4, "finished", {"exit_code": 1})),
    "an outcome with a wrong field": msg.encode(event(4, "finished", {"outcome": "failed", "files": 3})),
}


@pytest.mark.parametrize("line", BROKEN.values(), ids=BROKEN)
def test_what_is_no_message_ends_the_link_and_it_comes_back(world: World, line: bytes) -> None:
    world.up().say(line)
    assert isinstance(world.event(), ev.WorkerLost)
    assert isinstance(world.event(), ev.WorkerUp)
    assert len(world.sessions) == 2


@pytest.mark.parametrize("line", BROKEN.values(), ids=BROKEN)
def test_a_worker_that_repeats_what_is_no_message_is_given_up_with_the_reason(
    world: World, line: bytes
) -> None:
    greet = world.listener
    world.listener = lambda data: (greeting := greet(data)) and greeting + line
    world.link.start()
    told = [world.event() for _ in range(2 * MOST_UNREADABLE)]
    ups = [ev.WorkerUp, ev.WorkerLost] * MOST_UNREADABLE
    assert [type(event) for event in told] == [*ups[:-1], ev.WorkerUnusable]
    unusable = told[-1]
    assert isinstance(unusable, ev.WorkerUnusable)
    with pytest.raises(msg.MessageError) as problem:
        msg.decode(line.rstrip(b"\n"))
    assert str(problem.value) in unusable.reason and "leave the worker out" in unusable.reason
    assert len(world.sessions) == MOST_UNREADABLE


def test_numbers_that_a_worker_cannot_mean_are_not_let_in(world: World) -> None:
    progress = msg.encode(Progress("alpha/job", 2, Said("x", epoch=3, metrics={"loss": 0.5})))
    world.up().say(progress.replace(b"0.5", b"NaN"))
    lost = world.event()
    assert isinstance(lost, ev.WorkerLost) and "not a message" in lost.reason
    assert isinstance(world.event(), ev.WorkerUp)


@pytest.mark.parametrize("attempts", [[["alpha/job"]], [["alpha/job", "x"]], ["ab"], [3]])
def test_a_welcome_that_makes_no_sense_is_tried_again(world: World, attempts: list[list[object]]) -> None:
    answers = [msg.Welcome(**{**WELCOME.__dict__, "attempts": attempts}), WELCOME]

    def listener(data: bytes) -> bytes:
        return PREAMBLE + msg.encode(answers.pop(0)) if b'"hello"' in data else b""

    world.listener = listener
    world.link.start()
    assert isinstance(world.event(), ev.WorkerLost)
    assert isinstance(world.event(), ev.WorkerUp)


def test_other_problems_are_counted_on_their_own() -> None:
    unreadable = Unreadable("lab1")
    for problem in "abc" * (MOST_UNREADABLE - 1):
        unreadable.note(problem)
    with pytest.raises(WorkerUnusable, match="again and again: b; end the agent there"):
        unreadable.note("b")
