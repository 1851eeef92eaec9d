"""Who is listened to, and what each message does."""

from __future__ import annotations

import errno
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from worker_agent.core.state import AgentState
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.messages import PROTOCOL, Hello, Message, Ping, Pong, Settings
from worker_agent.protocol.reports import Slots
from worker_agent.runtime.connection.conversation import Conversation, message_handlers

HELLO = Hello(PROTOCOL, "r1", 3, Settings())


class Links(set[Any]):
    """Connections that say what became of each."""

    def __init__(self) -> None:
        super().__init__()
        self.master: Any = None
        self.told: list[str] = []
        self.coming: list[Message] = []

    def receive(self, link: Any) -> list[Message]:
        return self.coming

    def drop(self, link: Any, why: str) -> None:
        self.told.append(f"dropped: {why}")

    def refuse(self, link: Any, why: str, passing: bool = False) -> None:
        self.told.append(f"refused{' for now' if passing else ''}: {why}")

    def welcome(self, link: Any, epoch: int, welcome: object, acked: int) -> None:
        self.told.append(f"welcome in {epoch}: {welcome}")
        self.master = link


class Place:
    """A conversation with one link, whose reception and environment a test decides."""

    def __init__(self) -> None:
        self.links, self.is_known = Links(), True
        self.problem: str | OSError = ""
        self.then: list[Callable[[str], None]] = []
        self.done: list[object] = []
        self.link: Any = Link()
        self.links.add(self.link)
        reception: Any = SimpleNamespace(check=self.check, admit=lambda hello: "come in")
        environments: Any = SimpleNamespace(
            knows=lambda settings: self.is_known,
            make=lambda settings, then: self.then.append(then),
            look_for_missing=lambda settings: self.done.append("look for missing"),
        )
        effects: Any = SimpleNamespace(execute=lambda: self.done.append("execute"))
        handlers = {Ping: self.done.append}
        links: Any = self.links
        self.conversation = Conversation(AgentState(), links, reception, environments, effects, handlers)

    def check(self, hello: Hello) -> Settings:
        if isinstance(self.problem, OSError):
            raise self.problem
        if self.problem:
            raise MessageError(self.problem)
        return hello.settings

    def hear(self, *messages: Message) -> None:
        self.links.coming = list(messages)
        self.conversation.receive(self.link)


class Link:
    """A link that remembers what it was told."""

    def __init__(self) -> None:
        self.said: list[object] = []

    def say(self, message: object) -> None:
        self.said.append(message)


@pytest.fixture
def place() -> Place:
    return Place()


def test_a_master_is_greeted_and_then_obeyed(place: Place) -> None:
    place.hear(HELLO, Ping(7))
    assert place.links.told == ["welcome in 3: come in"]
    assert place.done == ["look for missing", "execute", Ping(7), "execute"]


def test_who_does_not_say_hello_first_is_dropped(place: Place) -> None:
    place.hear(Ping(7))
    assert place.links.told == ["dropped: the first message is ping, not hello"] and not place.done


def test_what_only_agents_say_ends_the_link(place: Place) -> None:
    place.hear(HELLO, Slots(1))
    assert place.links.told[1:] == ["dropped: slots is a message of the agent"]


def test_who_may_not_come_in_is_told_why(place: Place) -> None:
    place.problem = "a master of epoch 4 has been here"
    place.hear(HELLO)
    assert place.links.told == ["refused: a master of epoch 4 has been here"]


def test_who_may_not_come_in_now_is_told_that_it_may_pass(place: Place) -> None:
    place.problem = OSError(errno.ENOSPC, "work_dir /scratch cannot be used: No space left on device")
    place.hear(HELLO)
    assert place.links.told == ["refused for now: work_dir /scratch cannot be used: No space left on device"]


def test_a_hello_waits_for_the_environment_and_the_link_is_kept_alive(place: Place) -> None:
    place.is_known = False
    place.hear(HELLO, Ping(7))
    assert place.links.told == [] and place.link.said == [Pong(7)]
    place.is_known = True
    (go_on,) = place.then
    go_on("")
    assert place.links.told == ["welcome in 3: come in"]


@pytest.mark.parametrize(("is_there", "told"), [(True, ["refused: setup failed"]), (False, [])])
def test_an_environment_that_cannot_be_made_is_said_to_who_still_listens(
    place: Place, is_there: bool, told: list[str]
) -> None:
    place.is_known = False
    place.hear(HELLO)
    if not is_there:
        place.links.clear()
    place.then[0]("setup failed")
    assert place.links.told == told


def test_all_that_masters_say_but_hello_is_handled() -> None:
    host: Any = SimpleNamespace(begin=None, go_on=None, end=None, meet=None, serve=None)
    handlers = message_handlers(AgentState(), host, host, host, host, lambda: 0.0)
    assert {cls.type for cls in handlers} == {  # type: ignore[attr-defined]
        *(
            "secrets",
            "launch",
            "launch_all",
            "cancel",
            "withdraw",
            "drop_checkpoints",
            "release",
            "ack",
            "delivered",
        ),
        *("fetch", "peering", "serve", "take", "ping", "shutdown", "watch", "watch_on", "unwatch"),
    }
