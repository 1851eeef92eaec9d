"""A master who talks to an agent by hand."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from worker_agent.protocol import messages as msg
from worker_agent.protocol.events import Event
from worker_agent.protocol.lines import LineBuffer
from worker_agent.protocol.outcome import Finished

PATIENCE_S = 60.0
"""For what must come; only a failing test waits so long."""
M = TypeVar("M")


class AgentMaster:
    """One connection to an agent; who inherits moves the bytes."""

    def __init__(self, preamble: bytes = b"") -> None:
        self.seen: list[Any] = []
        self._lines, self._unread = LineBuffer(preamble), list[Any]()

    def send_bytes(self, data: bytes) -> None:
        raise NotImplementedError

    def receive(self, timeout_s: float) -> bytes:
        """Return what has come, nothing at the end."""
        raise NotImplementedError

    def story(self) -> str:
        """Return what is known when something is amiss."""
        return f"{self.seen[-20:]}"

    def send(self, *messages: msg.Message) -> None:
        self.send_bytes(b"".join(map(msg.encode, messages)))

    def launch(self, job_id: str, code: str, attempt: int = 1, **more: Any) -> None:
        """Launch Python code as a job."""
        argv = more.pop("argv", ["{python}", "-c", code])
        mounts = [msg.Mount(**mount) for mount in more.pop("mounts", ())]
        self.send(msg.Launch(job_id, attempt, more.pop("phase", 2), argv, mounts, **more))

    def wait(self, wanted: Callable[[Any], object]) -> Any:
        """Return the next message that is wanted; the others are kept in `seen`."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            while self._unread:
                self.seen.append(self._unread.pop(0))
                if wanted(self.seen[-1]):
                    return self.seen[-1]
            assert time.monotonic() < deadline, f"nothing came but {self.story()}"
            assert self.read(deadline - time.monotonic()), f"the connection ended after {self.story()}"

    def wait_event(self, kind: str, job_id: str, attempt: int = 1) -> Event:
        wanted = (kind, job_id, attempt)
        event = self.wait(
            lambda item: isinstance(item, Event) and (item.kind, item.job_id, item.attempt) == wanted
        )
        assert isinstance(event, Event)
        return event

    def finished(self, job_id: str, attempt: int = 1) -> Finished:
        done = self.wait_event("finished", job_id, attempt).detail
        assert isinstance(done, Finished)
        return done

    def settle(self) -> None:
        """Wait until the agent has taken in all that was sent."""
        number = len(self.seen)
        self.send(msg.Ping(number))
        self.wait(lambda item: item == msg.Pong(number))

    def said(self, kind: type[M]) -> list[M]:
        return [item for item in self.seen if isinstance(item, kind)]

    def read(self, timeout_s: float = PATIENCE_S) -> bool:
        """Take in what has come; return whether there may be more."""
        data = self.receive(timeout_s)
        self._unread += map(msg.decode, self._lines.feed(data))
        return bool(data)
