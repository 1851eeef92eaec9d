"""The way between master and agent: it keeps the order, takes its time, repeats itself, and breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from master.adapters.agent_client import MOST_SLOTS
from master.adapters.inbox import to_event
from master.core.running import events as ev
from tests.simulation.worker import RUN_ID, Worker
from tests.unit.worker_agent.machine import Killed
from worker_agent.protocol import messages as msg
from worker_agent.protocol.events import Event

_WELCOME_S = 2.0
Tell = Callable[[ev.Event, str, int], None]
"""Takes an event, the worker that it is of, and its number, 0 for none."""


class Link:
    """A master's link to a worker: `start`, `send` and `begin_close` are those of `WorkerLink`."""

    def __init__(self, worker: Worker, epoch: int, tell: Tell) -> None:
        self.worker, self.clock = worker, worker.clock
        self._hello = msg.Hello(msg.PROTOCOL, RUN_ID, epoch, msg.Settings())
        self._tell_master = tell
        self.up = self.closed = False
        self.is_open = True
        """Whether it may connect."""
        self.number = 0
        """Of the connection."""
        self.in_flight = 0
        """Messages that are on their way, in either direction."""
        self.silent_since = self.clock.now
        self._heard_since: float | None = None
        """When the welcome of this connection came; None before."""
        self._last_down = self._last_up = 0.0

    def start(self) -> None:
        """Begin to connect."""
        self.clock.soon(self.clock.random.uniform(0, 3), self._connect)

    def send(self, message: msg.ToAgent) -> None:
        """Say something to the agent; it is lost where there is no connection."""
        if self.up:
            self._last_down = self._travel(self._last_down, lambda: self._arrive(message))

    def have_slots(self, least: int | None) -> None:
        """Greet the agent anew."""
        self._hello = replace(self._hello, settings=msg.Settings(least_slots=least))
        self.send(self._hello)

    def begin_close(self) -> None:
        """Use the worker no more."""
        self.closed, self.up = True, False

    def cut(self, reason: str = "broken pipe") -> None:
        """Break the connection, if there is one; what is on its way is lost."""
        if self.up and not self.closed:
            self.silent_since = self.clock.now - self.silent_s()
            self.up, self._heard_since = False, None
            self._tell(ev.WorkerLost(self.clock.now, self.worker.name, reason))
            self.clock.soon(self.clock.random.uniform(1, 5), self._connect)

    def hear(self, message: msg.ToMaster) -> None:
        """Take what the agent says."""
        life = self.worker.life
        if self.up and life is not None and life.link == self.number:
            self._last_up = self._travel(self._last_up, lambda: self._take(message))

    def silent_s(self) -> float:
        """For how long the master has heard nothing; a welcome takes its time to be taken in.

        An agent may be killed before it says it.
        """
        since = self._heard_since
        is_heard = self.up and since is not None and self.clock.now - since > _WELCOME_S
        return 0.0 if is_heard else self.clock.now - self.silent_since

    # ---- connecting

    def _connect(self) -> None:
        if self.up or self.closed:
            return
        if not self.is_open:
            self.clock.soon(self.clock.random.uniform(1, 5), self._connect)
            return
        problem = self._problem()
        if problem:
            self._tell(ev.WorkerLost(self.clock.now, self.worker.name, problem))
            self.clock.soon(self.clock.random.uniform(1, 30), self._connect)
            return
        try:
            self.worker.live()
            self._greet()
        except Killed:
            if not self.up:
                self.clock.soon(self.clock.random.uniform(1, 5), self._connect)
            raise

    def _problem(self) -> str:
        if not self.worker.is_on or self.worker.away_until > self.clock.now:
            return "no route to host"
        return "the disk is full" if self.worker.machine.disk_is_full else ""

    def _greet(self) -> None:
        life: Any = self.worker.life
        answers: list[msg.Welcome | msg.Refused] = []
        number = self.clock.number()

        def greet() -> None:
            self.number, self.up = number, True
            self._last_down = self._last_up = self.clock.now
            self.worker.hear = self.hear
            answer = self.worker.greet(self._hello, number)
            answers.append(answer)
            if isinstance(answer, msg.Refused):
                self.begin_close()
                reason = answer.reason
                self._tell(ev.WorkerUnusable(self.clock.now, self.worker.name, reason))
            else:
                self._last_up = self._travel(self._last_up, lambda: self._take(answer))

        life.turn(greet)

    # ---- messages

    def _travel(self, last: float, arrive: Callable[[], None]) -> float:
        """Let something arrive after all that was sent before; return when."""
        number, random = self.number, self.clock.random
        chaos = self.worker.scene.chaos
        last = max(last, self.clock.now + random.uniform(0.001, 0.3))
        times = 1 + (self.clock.now < chaos.until and random.random() < chaos.repeated)

        def come() -> None:
            self.in_flight -= 1
            if self.number == number and self.up:
                arrive()

        for _ in range(times):
            self.in_flight += 1
            self.clock.soon(last - self.clock.now, come)
        return last

    def _arrive(self, message: msg.ToAgent) -> None:
        life = self.worker.life
        if life is not None and life.link == self.number:
            if isinstance(message, msg.Hello):
                life.turn(lambda: self.hear(self.worker.greet(message, self.number)))  # type: ignore[arg-type]
            else:
                self.worker.take(message)

    def _take(self, message: Any) -> None:
        if self._heard_since is None:
            self._heard_since = self.clock.now
        event = to_event(self.worker.name, message, self.clock.now, MOST_SLOTS)
        if event is not None:
            self._tell(event, message.seq if isinstance(message, Event) else 0)

    def _tell(self, event: ev.Event, seq: int = 0) -> None:
        self._tell_master(event, self.worker.name, seq)
