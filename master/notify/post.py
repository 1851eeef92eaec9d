"""Sends messages one after the other, beside the run."""

from __future__ import annotations

import queue
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from master import steady_clock
from master.errors import ConfigError
from master.intake.secrets.notify import with_notify
from master.notify.messages import Message
from master.notify.sending import SECONDS, deliver, look
from master.notify.teller import Teller
from master.runs.notices import Notices, Observer, PeopleWanted
from master.specs import ClusterSpec, NotifySpec

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


class People:
    """Those who are told of a run: as its command has it, and whom a user asks for while it goes on."""

    def __init__(self, spec: NotifySpec | None, place: str, note: Callable[[str], None]) -> None:
        self._spec, self._place, self._note = spec, place, note
        self._began, self._post = steady_clock.now(), None if spec is None else self._new_post()
        self._notices: Notices | None = None

    def subscribe(self, notices: Notices) -> None:
        """Listen to what is told, once there is somebody to tell."""
        self._notices = notices
        notices.listen(PeopleWanted, self._take)
        if self._spec is not None and self._post is not None:
            Teller(self._spec.on, self._place, self._post.send).subscribe(notices)

    def close(self) -> list[str]:
        """Send what waits, and return what went wrong."""
        return self._post.close() if self._post else []

    def _take(self, wanted: PeopleWanted) -> None:
        """Tell those of a file; where others were told, in their place."""
        try:
            now = ClusterSpec((), notify=self._spec)
            found = with_notify(now, Path(wanted.addresses), "").notify
        except ConfigError as error:
            self._note(f"notify: {error}")
            return
        self._spec = found
        if found is not None and self._post is None and self._notices is not None:
            self._post = self._new_post()
            teller = Teller(found.on, self._place, self._post.send, began=self._began)
            teller.subscribe(self._notices)

    def _new_post(self) -> Post:
        return Post(self._deliver, self._look, self._note)

    def _deliver(self, message: Message) -> list[str]:
        return deliver(self._spec, message, self._place, SECONDS) if self._spec else []

    def _look(self) -> list[str]:
        return list(look(self._spec).problems) if self._spec else []


@contextmanager
def telling(
    spec: NotifySpec | None, folder: Path, note: Callable[[str], None], say: Callable[[str], None]
) -> Iterator[list[Observer]]:
    """Give the observers that tell of the run in `folder`; at the end send what waits and say what failed."""
    people = People(spec, f"{folder.absolute()} on {socket.gethostname()}", note)
    try:
        yield [people]
    finally:
        for text in people.close():
            say(text)
