"""The first words between a link and its agent: why there are none, and what no log may have."""

from __future__ import annotations

from dataclasses import replace

import pytest

from master.core.running import events as ev
from tests.unit.master.adapters.link_world import HELLO, SOON_S, WELCOME, World
from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.peering import Peering
from worker_agent.protocol.lines import PREAMBLE
from worker_agent.protocol.reports import WorkerFacts


def test_secrets_go_to_an_agent_that_has_said_welcome_and_before_all_jobs() -> None:
    world = World(secrets={"KEY": "s3cr3t"})
    channel = world.up()
    world.link.send(msg.Release("alpha/job", 1))
    world.link.close()
    sent = [msg.decode(line) for line in channel.sent.splitlines()]
    assert sent == [HELLO, msg.Secrets({"KEY": "s3cr3t"}), msg.Release("alpha/job", 1)]
    assert "s3cr3t" not in repr(sent) + repr(world.link._greeting)


@pytest.mark.parametrize(("addresses", "meets"), [(["10.0.0.1"], True), ([], False)])
def test_an_agent_that_others_can_reach_is_told_who_it_is_to_them(addresses: list[str], meets: bool) -> None:
    who = Peering("authority", "certificate", "the k3y")
    told = replace(WELCOME, facts=WorkerFacts(peers=addresses))
    said = PREAMBLE + msg.encode(told)
    world = World(meet={"lab1": who}.__getitem__, listener=lambda data: said if b'"hello"' in data else b"")
    channel = world.up()
    world.link.close()
    sent = [msg.decode(line) for line in channel.sent.splitlines()]
    assert sent == [HELLO, *([who] if meets else [])]
    assert "k3y" not in repr(sent) + repr(world.link._greeting)


def test_an_agent_that_cannot_start_says_why() -> None:
    world = World()

    def listener(data: bytes) -> None:
        world.channel.said = "worker_agent: cannot start the agent: [Errno 13] Permission denied: '/nfs'"

    world.listener = listener
    world.link.start()
    lost = world.event()
    assert isinstance(lost, ev.WorkerLost)
    assert lost.reason.startswith("the agent did not start: worker_agent: cannot start the agent: [Errno 13]")


def test_an_agent_of_another_protocol_is_of_no_use_and_not_tried_again() -> None:
    world = World()
    strange = msg.Welcome(**{**WELCOME.__dict__, "protocol": 99})
    world.listener = lambda data: PREAMBLE + msg.encode(strange)
    world.link.start()
    told = world.event()
    assert isinstance(told, ev.WorkerUnusable)
    assert told.reason == (
        f"the agent there speaks protocol 99, this master {msg.PROTOCOL}: "
        "end that agent (`pkill -9 twophase-agent` there: its jobs go on), "
        "or go on with the version of Twophase that began the run"
    )
    world.link.join(SOON_S)
    assert len(world.sessions) == 1


@pytest.mark.parametrize(
    "says",
    [
        "the agent speaks protocol 1, the master 2",
        "the master sent what is no message: Settings.new cannot be 1",
    ],
)
def test_an_agent_of_before_that_refuses_is_told_of_with_what_to_do(says: str) -> None:
    world = World()
    world.listener = lambda data: PREAMBLE + msg.encode(msg.Refused(says))
    world.link.start()
    told = world.event()
    assert isinstance(told, ev.WorkerUnusable)
    assert told.reason.startswith(f"{says}: end that agent (`pkill -9 twophase-agent` there: ")
    assert told.reason.endswith(", or go on with the version of Twophase that began the run")
    world.link.join(SOON_S)
    assert len(world.sessions) == 1
