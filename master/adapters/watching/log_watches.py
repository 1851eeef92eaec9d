"""Looks at the logs of attempts that run, over the link to their worker."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from itertools import count
from queue import Empty, SimpleQueue

from worker_agent.protocol.codec import MessageError
from worker_agent.protocol.logs.watching import GRANTED, LogChunk, Unwatch, Watch, Watching, WatchOn

_NUMBERS = count(1)
"""Of all links: what comes late is not taken for what was asked for since."""


@dataclass(frozen=True)
class Written:
    """A piece of a log."""

    offset: int
    """Where it begins, counted as it was written: what lies before it was cut."""
    data: bytes
    is_far: bool = False
    """More may have been asked for than it begins with: it is looked back only so far."""


class Ending(Enum):
    """Why nothing more comes."""

    OVER = "over"
    """The attempt has ended, and this was all."""
    GONE = "gone"
    """The worker does not have the log, or has it no more."""
    LOST = "lost"
    """The link is down."""


class LogWatch:
    """One look at a log, from `LogWatches.open` to `close`; it belongs to one thread."""

    def __init__(self, number: int, send: Callable[[Watching], None], forget: Callable[[int], None]) -> None:
        self._number, self._send, self._forget = number, send, forget
        self._came: SimpleQueue[Written | Ending] = SimpleQueue()
        self._place = 0
        self._has_ended = False

    def next(self, wait_s: float) -> Written | Ending | None:
        """Return what has come, None where nothing does within a time; after an ending, nothing follows."""
        try:
            item = self._came.get(timeout=wait_s)
        except Empty:
            return None
        if isinstance(item, Written):
            self._send(WatchOn(self._number))
        return item

    def close(self) -> None:
        """Look no more."""
        self._forget(self._number)
        self._send(Unwatch(self._number))

    def take(self, chunk: LogChunk) -> None:
        """Take in what the worker has sent.  Raises MessageError for what it may not send."""
        data = chunk.bytes()
        if self._has_ended:
            raise MessageError("a log goes on after its end")
        if data:
            if chunk.offset < self._place:
                raise MessageError(f"a log goes back from {self._place} to {chunk.offset}")
            self._place = chunk.offset + len(data)
            if self._came.qsize() > GRANTED:
                raise MessageError(f"more than {GRANTED} pieces of a log that nobody has asked for")
            self._came.put(Written(chunk.offset, data, chunk.far))
        if chunk.over or chunk.gone:
            self._has_ended = True
            self._came.put(Ending.OVER if chunk.over else Ending.GONE)

    def lose(self) -> None:
        """Take note that the link is down."""
        self._came.put(Ending.LOST)


class LogWatches:
    """Who looks at logs over one link.  Any thread may open one."""

    def __init__(self, send: Callable[[Watching], None], is_up: Callable[[], bool]) -> None:
        self._send, self._is_up = send, is_up
        self._lock = threading.Lock()
        self._open: dict[int, LogWatch] = {}

    def open(self, job_id: str, attempt: int, offset: int = 0, last_lines: int | None = None) -> LogWatch:
        """Look at the log of an attempt from a place on, or from where its last lines begin."""
        number = next(_NUMBERS)
        watch = LogWatch(number, self._send, self._forget)
        with self._lock:
            self._open[number] = watch
        # Only now, so that a link which breaks just then is seen by it or by us.
        if self._is_up():
            self._send(Watch(number, job_id, attempt, offset, last_lines))
        else:
            watch.lose()
        return watch

    def take(self, chunk: LogChunk) -> None:
        """Give a chunk to who has asked for it.  Raises MessageError for what cannot be one."""
        with self._lock:
            watch = self._open.get(chunk.number)
        if watch:
            watch.take(chunk)

    def lose(self) -> None:
        """Tell all that the link is down."""
        with self._lock:
            lost, self._open = list(self._open.values()), {}
        for watch in lost:
            watch.lose()

    def _forget(self, number: int) -> None:
        with self._lock:
            self._open.pop(number, None)
