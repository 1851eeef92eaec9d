"""A link to a worker whose agent is a script."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from queue import SimpleQueue

from master.adapters.agent_client import (
    Greeting,
    WorkerLink,
)
from master.adapters.inbox import Inbox, Noted, Received, Seen
from master.adapters.session import Session
from master.core.running import events as ev
from tests.support.fake_session import FakeChannel, FakeSession
from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.peering import Peering
from worker_agent.protocol.events import Event
from worker_agent.protocol.lines import PREAMBLE
from worker_agent.protocol.reports import WorkerFacts

SOON_S = 20.0
"""For what must come; only a failing test waits so long."""
HELLO = msg.Hello(msg.PROTOCOL, "run", 1, msg.Settings())
WELCOME = msg.Welcome(
    msg.PROTOCOL,
    "d",
    "boot",
    ["cpu0", "cpu1"],
    1,
    [msg.AttemptKey("alpha/job", 2)],
    ["c" * 64],
    "/work",
    WorkerFacts(),
)


def welcome(data: bytes) -> bytes:
    """An agent that greets and says nothing more."""
    return b"motd\n" + PREAMBLE + msg.encode(WELCOME) if b'"hello"' in data else b""


@dataclass
class World:
    """A link, the sessions that it opens, and a clock that stands."""

    inbox: Inbox = field(default_factory=SimpleQueue)
    now: float = 100.0
    sessions: list[FakeSession] = field(default_factory=list)
    listener: Callable[[bytes], bytes | None] = welcome
    deploy_errors: list[Exception] = field(default_factory=list)
    deploying: Callable[[], None] = lambda: None

    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    meet: Callable[[str], Peering] | None = None

    def __post_init__(self) -> None:
        greeting = Greeting("lab1", self.open, self.deploy, HELLO, self.secrets, self.meet)
        self.link = WorkerLink(greeting, self.inbox, lambda: self.now, lambda: self.now)

    def open(self) -> Session:
        session = FakeSession("lab1")
        session.script_channel("agent", listener=lambda data: self.listener(data))
        self.sessions.append(session)
        return session

    def deploy(self, session: Session) -> list[str]:
        self.deploying()
        if self.deploy_errors:
            raise self.deploy_errors.pop(0)
        return ["agent", "connect"]

    def next(self) -> Received | Seen | Noted:
        return self.inbox.get(timeout=SOON_S)

    def event(self) -> ev.Event:
        """Return the next event, past the notes."""
        while not isinstance(item := self.next(), Received):
            pass
        assert item.worker == "lab1"
        return item.event

    def up(self) -> FakeChannel:
        """Start, and return the channel of the link that is up."""
        self.link.start()
        assert isinstance(self.event(), ev.WorkerUp)
        return self.channel

    @property
    def channel(self) -> FakeChannel:
        return self.sessions[-1].channels[-1]


def event(seq: int, kind: str, detail: object) -> Event:
    return Event(seq, kind, "alpha/job", 2, 1.0, detail)  # type: ignore[arg-type]
