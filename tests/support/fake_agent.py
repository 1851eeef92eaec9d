"""A worker whose agent is a part of the test: it starts what it is told to, and ends it as the test says."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from master.specs import ClusterSpec, ServerSpec
from tests.support.fake_session import FakeSession, Reply
from worker_agent.protocol import messages as msg
from worker_agent.protocol.events import Event, EventKind, Running, Ticks
from worker_agent.protocol.lines import PREAMBLE
from worker_agent.protocol.outcome import Finished, Outcome
from worker_agent.protocol.reports import WorkerFacts

FACTS = {"python": [3, 11, 2], "rsync": True, "digest": "", "cores": 8}
PROBED = Reply(stdout=b"\ntwophase-probe " + json.dumps(FACTS).encode() + b"\n")


@dataclass
class FakeAgent:
    """Behind a scripted session, which `connect` opens."""

    slots: int = 2
    ends: Callable[[str], str] = lambda job_id: "succeeded"
    """How a job ends as soon as it begins; "" for one that goes on until it is cancelled."""
    launched: list[msg.Launch] = field(default_factory=list)
    farewells: list[msg.Shutdown] = field(default_factory=list)
    running: threading.Event = field(default_factory=threading.Event)
    """Set once a job goes on."""
    _seq: int = 0
    _buffer: bytes = b""

    def connect(self, server: ServerSpec, cluster: ClusterSpec, in_terminal: bool) -> FakeSession:
        """Return a session to the worker."""
        session = FakeSession(server.name)
        session.script("python3", "-I", "-c", behaviour=lambda rest, _: PROBED if len(rest) == 2 else Reply())
        session.script_channel("python3", listener=self._listen)
        return session

    def _listen(self, data: bytes) -> bytes | None:
        if not data:
            return None
        *lines, self._buffer = (self._buffer + data).split(b"\n")
        return b"".join(self._answer(msg.decode(line)) for line in lines)

    def _answer(self, message: msg.Message) -> bytes:
        match message:
            case msg.Hello():
                slots = [f"cpu{number}" for number in range(self.slots)]
                welcome = msg.Welcome(msg.PROTOCOL, "d", "boot", slots, 0, [], [], "/work", WorkerFacts())
                return PREAMBLE + msg.encode(welcome)
            case msg.Launch(job_id, attempt):
                self.launched.append(message)
                started = self._event(EventKind.RUNNING, job_id, attempt, Running("cpu0", 7, Ticks(5, 6)))
                outcome = self.ends(job_id)
                if not outcome:
                    self.running.set()
                return started + (self._finished(job_id, attempt, outcome) if outcome else b"")
            case msg.Cancel(job_id, attempt):
                return self._finished(job_id, attempt, "cancelled")
            case msg.Shutdown():
                self.farewells.append(message)
        return b""

    def _finished(self, job_id: str, attempt: int, outcome: str) -> bytes:
        code = {"succeeded": 0, "failed": 1}.get(outcome)
        detail = Finished(Outcome(outcome), exit_code=code, slot="cpu0", started_at=1.0, duration_s=2.0)
        return self._event(EventKind.FINISHED, job_id, attempt, detail)

    def _event(self, kind: EventKind, job_id: str, attempt: int, detail: Running | Finished) -> bytes:
        self._seq += 1
        return msg.encode(Event(self._seq, kind, job_id, attempt, 1.0, detail))
