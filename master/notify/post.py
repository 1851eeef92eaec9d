"""Sends messages one after the other, beside the run."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from master.notify.messages import Message
from master.notify.sending import SECONDS, deliver, look
from master.notify.teller import Teller
from master.runs.notices import Observer
from master.specs import NotifySpec

MOST_WAITING = 10
WAIT_S = 45.0
"""How long the end of a run waits for what is still to be sent."""
_MOST_PROBLEMS = 3

Deliver = Callable[[Message], list[str]]
"""Gives a message to all; returns what went wrong."""


class Post:
    """A thread that sends what it is given: nobody waits for it, and no error of it reaches the run."""

    def __init__(self, deliver: Deliver, look: Callable[[], list[str]], note: Callable[[str], None]) -> None:
        """`look` tells beforehand what is wrong; the first thing that is, at any time, is noted."""
        self._deliver, self._look, self._note = deliver, look, note
        self._queue: queue.Queue[Message | None] = queue.Queue(MOST_WAITING)
        self._given = self._failed = 0
        self._problems: dict[str, None] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._work, name="notify", daemon=True)
        self._thread.start()

    def send(self, message: Message) -> None:
        """Send a message when those before it are gone; where too many wait it is dropped, which is told."""
        self._given += 1
        try:
            self._queue.put_nowait(message)
        except queue.Full:
            self._failed += 1
            self._report(["too many messages wait"])

    def close(self, wait_s: float = WAIT_S) -> list[str]:
        """Send what waits, for so long at most, and return what went wrong, in a line."""
        with suppress(KeyboardInterrupt, queue.Full):
            self._queue.put(None, timeout=wait_s)
            self._thread.join(wait_s)
        if self._thread.is_alive():
            self._over.set()
            self._failed += 1 + self._queue.qsize()
            self._report([f"what was left at the end could not be sent in {wait_s:g} s"])
        if not self._problems:
            return []
        found = list(self._problems)
        more = f"; and {len(found) - _MOST_PROBLEMS} more" if len(found) > _MOST_PROBLEMS else ""
        told = f"{min(self._failed, self._given)} of {self._given} messages did not reach everybody: "
        return [f"notify: {told if self._failed else ''}{'; '.join(found[:_MOST_PROBLEMS])}{more}"]

    def _work(self) -> None:
        self._report(self._tried(self._look))
        while (message := self._queue.get()) is not None and not self._over.is_set():
            problems = self._tried(lambda given=message: self._deliver(given))  # type: ignore[misc]
            self._failed += bool(problems)
            self._report(problems)

    def _tried(self, action: Callable[[], list[str]]) -> list[str]:
        try:
            return action()
        except Exception as error:  # its words may hold an address
            return [f"sending failed: {type(error).__name__}"]

    def _report(self, problems: list[str]) -> None:
        first = not self._problems
        self._problems.update(dict.fromkeys(problems))
        if problems and first:
            self._note(f"notify: {problems[0]}; the run goes on")


@contextmanager
def telling(
    spec: NotifySpec | None, folder: Path, note: Callable[[str], None], say: Callable[[str], None]
) -> Iterator[list[Observer]]:
    """Give the observers that tell of the run in `folder`; at the end send what waits and say what failed."""
    if spec is None:
        yield []
        return
    place = f"{folder.absolute()} on {socket.gethostname()}"
    post = Post(
        lambda message: deliver(spec, message, place, SECONDS), lambda: list(look(spec).problems), note
    )
    try:
        yield [Teller(spec.on, place, post.send)]
    finally:
        for text in post.close():
            say(text)
