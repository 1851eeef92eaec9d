"""A link tells what its worker says, and comes back when it breaks."""

from __future__ import annotations

import threading
from queue import Empty

import pytest

from master.adapters import agent_client
from master.adapters.agent_client import (
    close_all,
    next_backoff,
)
from master.adapters.agent_links import pulse
from master.adapters.inbox import Noted, Received, Seen
from master.adapters.watching.log_watches import Ending, Written
from master.core.running import events as ev
from master.errors import RemoteError, SessionLost, WorkerUnusable
from tests.unit.master.adapters.link_world import HELLO, SOON_S, WELCOME, World, event, welcome
from worker_agent.protocol import messages as msg
from worker_agent.protocol.events import Running, Staging, Ticks
from worker_agent.protocol.lines import PREAMBLE
from worker_agent.protocol.logs.watching import LogChunk
from worker_agent.protocol.outcome import Finished, Outcome
from worker_agent.protocol.reports import Progress, Said, Slots


def test_a_worker_comes_up_with_what_it_has(world: World) -> None:
    world.link.start()
    item = world.next()
    assert item == Received(
        ev.WorkerUp(100.0, "lab1", 2, 1, frozenset({("alpha/job", 2)}), frozenset({"c" * 64})), "lab1"
    )
    assert msg.decode(world.channel.sent.splitlines()[0]) == HELLO
    assert world.link.session is world.sessions[0]


def test_what_the_agent_says_becomes_events(world: World) -> None:
    channel = world.up()
    finished = Finished(Outcome.FAILED, exit_code=1)
    for message in (
        event(4, "staging", Staging()),
        event(5, "running", Running("cpu1", 7, Ticks(1, 2))),
        event(6, "finished", finished),
        msg.Wanted("w" * 64),
        msg.Rejected("w" * 64, "torn"),
        Slots(2),
        msg.Pong(1),
        Progress("alpha/job", 2, Said("loss 1", epoch=3)),
    ):
        channel.say(msg.encode(message))
    key = (100.0, "lab1", "alpha/job", 2)
    assert [world.next() for _ in range(8)] == [
        Received(ev.AttemptStaging(*key), "lab1", 4),
        Received(ev.AttemptStarted(*key), "lab1", 5),
        Seen("lab1", "alpha/job", 2, Said(), "cpu1"),
        Received(ev.AttemptFinished(*key, finished), "lab1", 6),
        Received(ev.ArtefactWanted(100.0, "lab1", "w" * 64), "lab1"),
        Received(ev.DeliveryFailed(100.0, "lab1", "w" * 64, "torn"), "lab1"),
        Received(ev.SlotsHeldByOthers(100.0, "lab1", 2), "lab1"),
        Seen("lab1", "alpha/job", 2, Said("loss 1", epoch=3)),
    ]


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_noise_and_pieces_do_not_matter(world: World, size: int) -> None:
    stream = b'\xff\x1b[0m{"type": "pong"}\nhello\n' + PREAMBLE + msg.encode(WELCOME)

    def listener(data: bytes) -> bytes:
        for start in range(0, len(stream) if data else 0, size):
            world.channel.say(stream[start : start + size])
        return b""

    world.listener = listener
    world.link.start()
    assert isinstance(world.event(), ev.WorkerUp)


@pytest.mark.parametrize("how", ["drop", "end"])
def test_a_broken_link_comes_back(world: World, how: str) -> None:
    channel = world.up()
    getattr(channel, how)()
    lost = world.event()
    assert isinstance(lost, ev.WorkerLost)
    assert lost.reason in ("the link broke", "the agent closed the connection")
    assert isinstance(world.event(), ev.WorkerUp)


def test_a_link_on_which_nothing_comes_is_made_anew(world: World) -> None:
    world.up()
    world.now += pulse.SILENCE_S
    world.link.send(msg.Ping(1))
    world.now += 0.1
    world.link.send(msg.Ping(2))
    assert world.event() == ev.WorkerLost(world.now, "lab1", "silent for 20 s")
    assert isinstance(world.event(), ev.WorkerUp)


def test_what_is_heard_keeps_a_link(world: World) -> None:
    channel = world.up()
    for number in range(3):
        world.now += pulse.SILENCE_S - 1
        channel.say(msg.encode(Slots(number)))
        assert world.event() == ev.SlotsHeldByOthers(world.now, "lab1", number)
        world.link.send(msg.Ping(number))
    assert len(world.sessions) == 1


def test_an_idle_link_is_pinged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pulse, "PING_S", 0.0)
    pinged = threading.Event()

    def listener(data: bytes) -> bytes:
        if b'"ping"' in data:
            pinged.set()
        return welcome(data)

    world.listener = listener
    world.up()
    assert pinged.wait(SOON_S)


def test_a_link_with_much_to_send_is_pinged_all_the_same(world: World) -> None:
    pinged = threading.Event()

    def listener(data: bytes) -> bytes:
        if b'"ping"' in data:
            pinged.set()
        return welcome(data)

    world.listener = listener
    world.up()
    for seq in range(1, 100):
        world.now += 0.1
        world.link.send(msg.Ack(seq))
        if pinged.wait(0.0 if world.now < 100 + pulse.PING_S else 0.1):
            break
    assert pinged.wait(0.5)


def test_a_refusal_is_for_good(world: World) -> None:
    world.listener = lambda data: PREAMBLE + msg.encode(msg.Refused("a newer master is at work"))
    world.link.start()
    assert world.event() == ev.WorkerUnusable(100.0, "lab1", "a newer master is at work")
    world.link.join(SOON_S)
    assert len(world.sessions) == 1


def test_a_refusal_that_may_pass_is_tried_again(world: World) -> None:
    def listener(data: bytes) -> bytes:
        first = len(world.sessions) == 1
        refused = msg.Refused("work_dir /scratch cannot be used: No space left", passing=True)
        return PREAMBLE + msg.encode(refused) if first else welcome(data)

    world.listener = listener
    world.link.start()
    assert world.event() == ev.WorkerLost(100.0, "lab1", "work_dir /scratch cannot be used: No space left")
    assert isinstance(world.event(), ev.WorkerUp)


def test_a_worker_that_cannot_be_used_is_not_tried_again(world: World) -> None:
    world.deploy_errors = [WorkerUnusable("lab1", "no rsync there")]
    world.link.start()
    assert world.event() == ev.WorkerUnusable(100.0, "lab1", "no rsync there")
    world.link.join(SOON_S)
    assert len(world.sessions) == 1
    with pytest.raises(Empty):
        world.inbox.get_nowait()


@pytest.mark.parametrize(
    "error",
    [RemoteError("lab1", "busy"), SessionLost("lab1: busy"), OSError("busy"), RuntimeError("busy")],
    ids=repr,
)
def test_whatever_fails_is_told_and_tried_again(world: World, error: Exception) -> None:
    world.deploy_errors = [error]
    world.link.start()
    assert world.event() == ev.WorkerLost(100.0, "lab1", "busy")
    assert isinstance(world.event(), ev.WorkerUp)


def test_messages_to_a_link_that_is_down_are_dropped(world: World) -> None:
    world.link.send(msg.Cancel("alpha/job", 1))
    with pytest.raises(SessionLost, match="lab1 is not connected"):
        world.link.session  # noqa: B018
    channel = world.up()
    world.link.send(msg.Release("alpha/job", 1))
    world.link.close()
    sent = [msg.decode(line) for line in channel.sent.splitlines()]
    assert sent == [HELLO, msg.Release("alpha/job", 1)]


def test_closing_sends_what_is_queued_first(world: World) -> None:
    channel = world.up()
    acks: list[msg.ToAgent] = [msg.Ack(number) for number in range(1000)]
    for ack in acks:
        world.link.send(ack)
    world.link.close(msg.Shutdown())
    assert [msg.decode(line) for line in channel.sent.splitlines()] == [HELLO, *acks, msg.Shutdown()]
    assert world.sessions[0].calls[-1].verb == "close"


def test_closing_while_it_connects_ends_it(world: World) -> None:
    connecting, goes_on = threading.Event(), threading.Event()

    def deploying() -> None:
        connecting.set()
        assert goes_on.wait(SOON_S)

    world.deploying = deploying
    world.link.start()
    assert connecting.wait(SOON_S)
    world.link.begin_close()
    assert world.sessions[0].calls[-1].verb == "close", "what blocks in the session must be woken"
    goes_on.set()
    world.link.join(SOON_S)
    assert world.link.welcome is None
    assert len(world.sessions) == 1


def test_a_shut_gate_ends_the_connection_and_an_open_one_lets_it_come_back(world: World) -> None:
    world.up()
    world.link.gate.shut()
    assert isinstance(world.event(), ev.WorkerLost)
    assert len(world.sessions) == 1
    world.link.gate.open()
    assert isinstance(world.event(), ev.WorkerUp)
    assert len(world.sessions) == 2


def test_closing_just_before_it_talks_ends_it(world: World) -> None:
    world.deploying = world.link._closing.set
    world.link.start()
    world.link.join(SOON_S)
    assert not world.link._thread.is_alive()
    assert world.channel.sent == msg.encode(HELLO)


def test_a_link_that_was_never_started_can_be_closed(world: World) -> None:
    world.link.close()
    assert world.sessions == []


def test_a_link_that_parts_serves_what_is_carried_says_nothing_and_connects_no_more(world: World) -> None:
    channel = world.up()
    world.link.part()
    assert world.link.session is world.sessions[0]
    channel.drop()
    world.link.join(SOON_S)
    assert len(world.sessions) == 1 and world.inbox.empty()


def test_a_link_that_parts_while_it_fails_to_connect_is_not_tried_again(world: World) -> None:
    world.deploying, world.deploy_errors = world.link.part, [SessionLost("no route to host")]
    world.link.start()
    world.link.join(SOON_S)
    assert len(world.sessions) == 1 and world.inbox.empty()


def test_many_links_are_closed_together() -> None:
    worlds = [World() for _ in range(20)]
    channels = [each.up() for each in worlds]
    close_all([each.link for each in worlds], msg.Shutdown())
    assert all(msg.decode(channel.sent.splitlines()[-1]) == msg.Shutdown() for channel in channels)


def test_pauses_double_up_to_a_limit() -> None:
    pauses = [0.0]
    for _ in range(7):
        pauses.append(next_backoff(pauses[-1]))
    assert pauses[1:] == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0]


def test_pauses_start_anew_after_a_link_that_worked(monkeypatch: pytest.MonkeyPatch) -> None:
    world, asked = World(), list[float]()

    def remember(previous_s: float) -> float:
        asked.append(previous_s)
        return 0.001 if len(asked) < 4 else 0.0

    monkeypatch.setattr(agent_client, "next_backoff", remember)
    world.deploy_errors = [OSError("a"), OSError("b")]
    world.link.start()
    for expected in (ev.WorkerLost, ev.WorkerLost, ev.WorkerUp):
        assert isinstance(world.event(), expected)
    world.channel.drop()
    for expected in (ev.WorkerLost, ev.WorkerUp):
        assert isinstance(world.event(), expected)
    world.link.close()
    assert asked[:3] == [0.0, 0.001, 0.0]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (PREAMBLE + msg.encode(event(1, "staging", Staging())), "comes before the welcome"),
        (PREAMBLE + msg.encode(WELCOME) + msg.encode(msg.Shutdown()), "which is a master's"),
    ],
    ids=["too early", "of a master"],
)
def test_a_message_out_of_place_ends_the_link(world: World, said: bytes, told: str) -> None:
    world.listener = lambda data: said if b'"hello"' in data else b""
    world.link.start()
    lost = world.event()
    while isinstance(lost, ev.WorkerUp):
        lost = world.event()
    assert isinstance(lost, ev.WorkerLost) and told in lost.reason


def test_what_an_agent_says_for_the_user_is_one_harmless_line(world: World) -> None:
    channel = world.up()
    channel.say(msg.encode(Slots(0, ["\x1b[2Ja\nlab2: down"])))
    assert world.next() == Noted("lab1: a; lab2: down")
    channel.say(msg.encode(msg.Refused("x" * 10**6)))
    refused = world.event()
    while not isinstance(refused, ev.WorkerUnusable):
        refused = world.event()
    assert len(refused.reason) < 1100


def test_a_log_that_is_looked_at_comes_over_the_link_and_goes_with_it(world: World) -> None:
    channel = world.up()
    watch = world.link.watches.open("alpha/job", 2)
    number = watch._number
    channel.say(msg.encode(LogChunk.of(number, 0, b"epoch 1")))
    assert watch.next(SOON_S) == Written(0, b"epoch 1")
    channel.drop()
    assert watch.next(SOON_S) is Ending.LOST
