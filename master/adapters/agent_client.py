"""The link to one worker's agent: connects, keeps alive, reconnects, and turns messages into events."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import get_args

from master import steady_clock
from master.adapters.agent_links.gate import Gate
from master.adapters.agent_links.pulse import SILENCE_S, Pulse
from master.adapters.agent_links.unreadable import Unreadable
from master.adapters.inbox import Inbox, Mouth, Noted, Received, Sampled, Seen, to_event
from master.adapters.session import Channel, Session
from master.adapters.watching.log_watches import LogWatches
from master.core.harmless import brief
from master.core.running import events as ev
from master.errors import RemoteError, SessionLost, WorkerUnusable
from worker_agent.protocol import messages as msg
from worker_agent.protocol.artefacts.peering import Peering
from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.events import Event, Running
from worker_agent.protocol.lines import PREAMBLE, LineBuffer
from worker_agent.protocol.logs.watching import LogChunk
from worker_agent.protocol.reports import Progress, Said, Slots, Usage
from worker_agent.protocol.terms import Secrets

FIRST_BACKOFF_S, MAX_BACKOFF_S = 1.0, 30.0
MOST_SLOTS = 4096
"""Of a worker whose config does not say how many."""
CLOSE_S = 10.0
GATHER_S = 0.002
"""Messages that come so soon after another share a packet: over SSH each costs about as much as several."""
OTHER_VERSION = (
    "end that agent (`pkill -9 twophase-agent` there: its jobs go on), "
    "or go on with the version of Twophase that began the run"
)
_NOT_UNDERSTOOD = ("the agent speaks protocol ", "the master sent what is no message: ")
"""How agents of another version begin to say that they are such."""
_OF_AGENTS = frozenset(get_args(msg.ToMaster))
_JITTER = random.Random()
"""Of its own: the module's generator belongs to the program that we run in."""

Clock = Callable[[], float]


@dataclass(frozen=True)
class Greeting:
    """How to reach and greet a worker's agent."""

    worker: str
    open_session: Callable[[], Session]
    deploy: Callable[[Session], list[str]]
    """Brings the agent there and returns the command that connects to it."""
    hello: msg.Hello
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Those that the hello announces."""
    meet: Callable[[str], Peering] | None = None
    """Tells by name who a worker is to the others of the run, where these are to meet."""


def most_slots(settings: msg.Settings) -> int:
    """Return how many slots an agent with these settings can have, whatever it claims."""
    least = settings.least_slots or 0
    if not settings.gpus:
        return MOST_SLOTS if settings.cpu_slots is None else max(least, settings.cpu_slots)
    if settings.slots_per_gpu is None or msg.AUTO in settings.gpus:
        return MOST_SLOTS
    gpus = len(settings.gpus)
    return gpus * max(settings.slots_per_gpu, -(-least // gpus))


class WorkerLink:
    """Owns the connection to one worker.  `send` may be called from any thread and never blocks."""

    def __init__(
        self,
        greeting: Greeting,
        inbox: Inbox,
        clock: Clock = steady_clock.now,
        steady: Clock = time.monotonic,
    ) -> None:
        """`clock` dates events, `steady` measures how long it has been silent."""
        self.worker = greeting.worker
        self._greeting, self._mouth, self._clock = greeting, Mouth(inbox), clock
        self._most_slots = most_slots(greeting.hello.settings)
        self._greeted = greeting.hello
        self._closing = threading.Event()
        self.gate = Gate(lambda: _hang_up(self._channel))
        """Before each try to connect."""
        self._outgoing: SimpleQueue[bytes | None] = SimpleQueue()
        self._session: Session | None = None
        self._channel: Channel | None = None
        self.welcome: msg.Welcome | None = None
        """What the agent said of itself, while the link is up."""
        self.open_session = greeting.open_session
        """Makes a session there of the caller's own, which outlives the link."""
        self.last_welcome: msg.Welcome | None = None
        """What it said last, also while the link is down."""
        self.watches = LogWatches(self.send, lambda: self.welcome is not None)
        """Who looks at logs of what runs there."""
        self._steady, self._pulse = steady, Pulse(steady)
        self._unreadable = Unreadable(self.worker)
        self._thread = threading.Thread(target=self._run, name=f"link-{self.worker}", daemon=True)

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    @property
    def session(self) -> Session:
        """The session, for transfers.  Raises SessionLost while there is none."""
        session = self._session
        if session is None or self.welcome is None:
            raise SessionLost(f"{self.worker} is not connected")
        return session

    def send(self, message: msg.ToAgent) -> None:
        """Queue a message; dropped while the link is down, for a new connection compares all anew."""
        if self.welcome is not None:
            self._outgoing.put(msg.encode(message))

    def have_slots(self, least: int | None) -> None:
        """Have at least so many jobs at a time there from now on; None is as the worker's config says.

        The agent is greeted anew, over the connection that there is, and answers as after a lost one.
        """
        hello = self._greeting.hello
        self._greeting = replace(
            self._greeting, hello=replace(hello, settings=replace(hello.settings, least_slots=least))
        )
        self._most_slots = most_slots(self._greeting.hello.settings)
        if self.welcome is not None:
            self._greeted = self._greeting.hello
            self.send(self._greeted)

    def part(self) -> None:
        """Say nothing more and connect no more: a connection that is there holds until it breaks.

        For a worker that has left the run: it may be added again, and then has another link.
        """
        self._mouth.is_shut = True
        self.gate.open()

    def close(self, farewell: msg.Shutdown | None = None) -> None:
        """End the link, after what is queued and `farewell` have been sent.  The agent goes on."""
        self.begin_close(farewell)
        self.join(CLOSE_S)

    def begin_close(self, farewell: msg.Shutdown | None = None) -> None:
        """End the link without waiting for it."""
        if farewell:
            self.send(farewell)
        self._closing.set()
        self.gate.end()
        self._outgoing.put(None)
        session = self._session
        if self._channel is None and session is not None:
            session.close()

    def join(self, timeout_s: float) -> None:
        """Wait until the link has ended."""
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _tell(self, event: ev.Event, seq: int = 0) -> None:
        self._mouth.put(Received(event, self.worker, seq))

    def _run(self) -> None:
        backoff_s = pause_s = 0.0
        while not self._closing.is_set() and self.gate.passes(pause_s) and not self._mouth.is_shut:
            try:
                self._serve()
            except WorkerUnusable as error:
                self._tell(ev.WorkerUnusable(self._clock(), self.worker, reason_of(error, self.worker)))
                return
            except Exception as error:  # whatever it is, the worker is not connected, and a next try may do
                self._tell(ev.WorkerLost(self._clock(), self.worker, reason_of(error, self.worker)))
            finally:
                was_up, self.welcome = self.welcome is not None, None
                self.watches.lose()
            backoff_s = next_backoff(0.0 if was_up else backoff_s)
            pause_s = backoff_s * _JITTER.uniform(0.5, 1.5)

    def _serve(self) -> None:
        """Connect, and pass messages on until the link breaks."""
        with self._greeting.open_session() as session:
            self._session = session
            try:
                if not self._closing.is_set():
                    self._talk(session.open_channel(self._greeting.deploy(session)))
            finally:
                self._session = self._channel = None

    def _talk(self, channel: Channel) -> None:
        outgoing: SimpleQueue[bytes | None] = SimpleQueue()
        self._greeted = self._greeting.hello
        outgoing.put(msg.encode(self._greeted))
        self._outgoing, self._channel = outgoing, channel
        if self._closing.is_set():  # perhaps before it could find the new queue
            outgoing.put(None)
        self._pulse = Pulse(self._steady)
        writer = threading.Thread(target=_write, args=(self._pulse, channel, outgoing), daemon=True)
        writer.start()
        try:
            self._read(channel)
        finally:
            outgoing.put(None)
            writer.join(timeout=5.0)
            channel.close()

    def _read(self, channel: Channel) -> None:
        lines = LineBuffer(PREAMBLE)
        while data := channel.receive():
            self._pulse.heard()
            try:
                for line in lines.feed(data):
                    self._take(msg.decode(line))
            except MessageError as error:
                self._unreadable.note(str(error))
                raise
        if not self._closing.is_set():
            why = f"silent for {SILENCE_S:.0f} s" if self._pulse.is_silent else _why(channel, self.welcome)
            raise SessionLost(f"{self.worker}: {why}")

    def _take(self, message: msg.Message) -> None:
        if isinstance(message, msg.Refused):
            kind = RemoteError if message.passing else WorkerUnusable
            raise kind(self.worker, refusal(brief(message.reason)))
        if type(message) not in _OF_AGENTS or not (self.welcome or isinstance(message, msg.Welcome)):
            raise MessageError(f"a message {message.type!r}, which is a master's or comes before the welcome")
        if isinstance(message, msg.Welcome):
            if message.protocol != msg.PROTOCOL:
                raise WorkerUnusable(
                    self.worker,
                    f"the agent there speaks protocol {message.protocol}, this master {msg.PROTOCOL}: "
                    + OTHER_VERSION,
                )
            self.welcome = self.last_welcome = message
            if self._greeting.secrets:
                # Before any job: the queue keeps the order.
                self.send(Secrets(dict(self._greeting.secrets)))
            if self._greeting.meet and message.facts.peers:
                self.send(self._greeting.meet(self.worker))
            if self._greeted is not self._greeting.hello:
                self._greeted = self._greeting.hello
                self.send(self._greeted)
        if isinstance(message, LogChunk):
            self.watches.take(message)
            return
        if isinstance(message, Usage):
            self._mouth.put(Sampled(self.worker, message))
            return
        if isinstance(message, Progress):
            self._mouth.put(Seen(self.worker, message.job_id, message.attempt, message.detail))
            return
        for note in message.notes if isinstance(message, Slots) else ():
            self._mouth.put(Noted(f"{self.worker}: {brief(note)}"))
        event = to_event(self.worker, message, self._clock(), self._most_slots)  # type: ignore[arg-type]
        if event is not None:
            self._tell(event, message.seq if isinstance(message, Event) else 0)
        if isinstance(message, Event) and isinstance(message.detail, Running):
            self._mouth.put(Seen(self.worker, message.job_id, message.attempt, Said(), message.detail.slot))


def _hang_up(channel: Channel | None) -> None:
    if channel is not None:
        channel.close()


def _write(pulse: Pulse, channel: Channel, outgoing: SimpleQueue[bytes | None]) -> None:
    """Send what is queued, pings where nothing is heard, and end a link that has gone silent."""
    try:
        while (batch := _drain(outgoing, pulse.wait_s)) is not None:
            if pulse.is_silent:
                break
            channel.send(batch + pulse.ping())
    except (SessionLost, OSError):
        pass
    channel.close()


def _why(channel: Channel, welcome: msg.Welcome | None) -> str:
    """Return why a channel ended, in the words of its command where it has any."""
    what = "the agent closed the connection" if welcome else "the agent did not start"
    said = channel.last_words()
    return f"{what}: {said}" if said else what


def close_all(links: Iterable[WorkerLink], farewell: msg.Shutdown | None = None) -> None:
    """End links together, in no more time than the slowest of them takes, at most `CLOSE_S`."""
    closing = list(links)
    for link in closing:
        link.begin_close(farewell)
    deadline = time.monotonic() + CLOSE_S
    for link in closing:
        link.join(max(0.0, deadline - time.monotonic()))


def next_backoff(previous_s: float) -> float:
    """Return the seconds before the next try, given those before the last one."""
    return min(MAX_BACKOFF_S, max(FIRST_BACKOFF_S, 2 * previous_s))


def _drain(outgoing: SimpleQueue[bytes | None], wait_s: float) -> bytes | None:
    """Wait for messages and return all that are queued, `b""` after `wait_s`, None at the end."""
    try:
        first = outgoing.get(timeout=wait_s)
    except Empty:
        return b""
    if first is None:
        return None
    time.sleep(GATHER_S)
    parts: list[bytes | None] = [first]
    while not outgoing.empty():
        parts.append(outgoing.get())
    if None in parts:
        outgoing.put(None)
    return b"".join(part for part in parts if part is not None)


def refusal(reason: str) -> str:
    """Return what to say of an agent's refusal: what to do, too, where the agent is of another version."""
    return f"{reason}: {OTHER_VERSION}" if reason.startswith(_NOT_UNDERSTOOD) else reason


def reason_of(error: BaseException, worker: str) -> str:
    """Return what to say of an error where its worker is named already."""
    text = f"{error.host}: {error.brief}" if isinstance(error, RemoteError) else str(error)
    return (text or type(error).__name__).removeprefix(f"{worker}: ")
