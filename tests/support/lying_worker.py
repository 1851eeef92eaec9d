"""A run of three jobs and two workers, one of which lies: with real link, core, dispatcher and journal."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any, cast

from master.adapters.agent_client import Greeting, WorkerLink
from master.adapters.inbox import Inbox, Noted, Received, Seen
from master.adapters.session import Channel, Session
from master.core.planning.plan import make_plan
from master.core.running import commands as cmd
from master.core.running import events as ev
from master.core.running.policy import Policy
from master.core.running.records import RunState
from master.core.running.recovery import recover
from master.errors import SessionLost
from master.runs.dispatcher import Dispatcher, Ports
from master.runs.notices import Notices
from master.runs.snapshot import SharedState
from master.storage.journal import Journal
from tests.support.endings import finished
from tests.support.scripted_run import jobs_spec
from worker_agent.protocol import messages as msg
from worker_agent.protocol.lines import PREAMBLE
from worker_agent.protocol.reports import WorkerFacts

LIAR, HONEST = "lab1", "lab2"
OWN, OTHERS, WAITING = "alpha/job0", "alpha/job1", "alpha/job2"
"""The liar's job, the honest worker's, and one that nobody has yet."""
HELLO = msg.Hello(msg.PROTOCOL, "run", 1, msg.Settings(cpu_slots=1))
WELCOME = msg.Welcome(
    *(msg.PROTOCOL, "d", "boot", ["cpu0"], 0, [msg.AttemptKey(OWN, 1)], [], "/work", WorkerFacts())
)
_IDLE_S = 1000.0
_MOST_IDLE = 300


@dataclass
class Told:
    """What became of the run after a lie."""

    exit_code: int
    state: RunState
    notes: list[str]
    progress: list[Seen]
    refused: bool
    """The liar's link was ended by what it said."""


@dataclass
class _Talk:
    """A channel on which a worker says what is given, and a session of that channel alone."""

    pieces: deque[bytes]

    def __enter__(self) -> _Talk:
        return self

    def __exit__(self, *_: object) -> None: ...

    def open_channel(self, argv: Sequence[str]) -> Channel:
        return cast(Channel, self)

    def receive(self) -> bytes:
        return self.pieces.popleft() if self.pieces else b""

    def send(self, data: bytes) -> None: ...

    def close(self) -> None: ...

    def last_words(self) -> str:
        return ""


class _Script:
    """An inbox that asks for what comes next whenever it is empty."""

    def __init__(self, more: Callable[[], None]) -> None:
        self._items: deque[Any] = deque()
        self._more = more

    def put(self, item: Any) -> None:
        self._items.append(item)

    def empty(self) -> bool:
        return not self._items

    def get(self, timeout: float | None = None) -> Any:
        if not self._items and timeout:
            self._more()
        if not self._items:
            raise Empty
        return self._items.popleft()


@dataclass
class LyingWorld:
    """Runs to the end, come what may of the first worker; `said` is the whole of what that one says."""

    folder: Path
    said: Sequence[bytes]
    now: float = 1000.0
    idle: int = 0
    notes: list[str] = field(default_factory=list)
    progress: list[Seen] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def run(self) -> Told:
        """Return how the run ended.  Raises AssertionError where it stands still."""
        plan, policy = make_plan(jobs_spec(3, 0), {}), Policy(retries=5)
        self.state = RunState.fresh(plan, policy, [LIAR, HONEST])
        self.inbox = _Script(self._more)
        self.steps = self._scenes()
        greeting = Greeting(LIAR, self._open, lambda session: ["agent"], HELLO)
        self.link = WorkerLink(greeting, cast(Inbox, self.inbox), clock=lambda: self.now)
        with closing(Journal(self.folder / "journal")) as journal:
            code = self._dispatcher(journal).run()
            again = recover(plan, policy, [LIAR, HONEST], journal.transitions())
        assert {name: job.state for name, job in again.jobs.items()} == {
            name: job.state for name, job in self.state.jobs.items()
        }, "the journal tells the same"
        return Told(code, self.state, self.notes, self.progress, bool(self.lost))

    def _dispatcher(self, journal: Journal) -> Dispatcher:
        links = cast(Mapping[str, WorkerLink], {LIAR: _Line(self, LIAR), HONEST: _Line(self, HONEST)})
        ports = Ports(
            *(links, self, lambda job_id, attempt, worker: msg.Launch(job_id, attempt, 2, ["true"])), self
        )
        tell = Notices([self]).tell
        return Dispatcher(
            SharedState(self.state), journal, cast(Inbox, self.inbox), ports, tell, lambda: self.now
        )

    def subscribe(self, notices: Notices) -> None:
        """Hear what the user is told."""
        notices.listen(Noted, lambda noted: self.notes.append(noted.text))
        notices.listen(Seen, self.progress.append)

    def connect(self, name: str) -> None:
        """Nobody joins."""
        raise AssertionError(name)

    def let_go(self, name: str, *, answers: bool) -> None:
        """Nobody goes."""
        raise AssertionError(name)

    # --- what happens, one scene whenever nothing is left to do

    def _more(self) -> None:
        if next(self.steps, None) is None:
            self.idle, self.now = self.idle + 1, self.now + _IDLE_S
            assert self.idle < _MOST_IDLE, "the run stands still"

    def _scenes(self) -> Iterator[str]:
        for worker in (LIAR, HONEST):
            self._put(ev.WorkerUp(self.now, worker, 1))
        yield "both are up"
        yield "both have a job"
        self._put(ev.AttemptStarted(self.now, HONEST, OTHERS, 1))
        self.link.start()
        self.link.join(20.0)
        yield "one has lied"
        yield "what it said is taken in"
        self._end(OTHERS, 1)
        yield "the other has ended its job"

    def _open(self) -> Session:
        if self.lost or self.link._closing.is_set():
            self.link.begin_close()
        if not self.said:
            self.link.begin_close()
            raise SessionLost("gone")
        pieces, self.said = deque(self.said), ()
        return cast(Session, _Talk(pieces))

    def _put(self, *events: ev.Event) -> None:
        for event in events:
            self.inbox.put(Received(event))

    def _end(self, job_id: str, attempt: int) -> None:
        self._put(ev.AttemptFinished(self.now, HONEST, job_id, attempt, finished()))

    def heard(self, worker: str, message: msg.ToAgent) -> None:
        """Do as the honest worker does with a message."""
        if worker == HONEST and isinstance(message, msg.Launch) and message.job_id != OTHERS:
            self._put(ev.AttemptStarted(self.now, HONEST, message.job_id, message.attempt))
            self._end(message.job_id, message.attempt)

    # --- the carrier

    def collect(self, command: cmd.Collect) -> None:
        """Bring home what the honest worker has; of the other nothing is what it announced."""
        key = (self.now, command.job_id, command.attempt)
        if command.worker == HONEST:
            self._put(ev.Collected(*key, content_hash="c" * 64))
        else:
            self._put(ev.CollectionFailed(*key, "not what was announced", worker_fault=True))

    def collect_failed(self, command: cmd.CollectFailedAttempt) -> None:
        """Settle what an attempt in vain left."""
        self._put(ev.CheckpointSettled(self.now, command.job_id, command.attempt))

    def deliver(self, command: cmd.Deliver) -> None:
        """Refuse: no job of this run needs anything."""
        self._put(ev.DeliveryFailed(self.now, command.worker, command.content_hash, "there is no such thing"))


@dataclass
class _Line:
    world: LyingWorld
    worker: str

    def start(self) -> None: ...

    def begin_close(self) -> None:
        self.world.lost.append(self.worker)

    def send(self, message: msg.ToAgent) -> None:
        self.world.heard(self.worker, message)


def spoken(*lines: bytes, welcome: bool = True) -> list[bytes]:
    """Return what an agent says on a connection."""
    return [PREAMBLE, *([msg.encode(WELCOME)] if welcome else []), *(line + b"\n" for line in lines)]
