"""Keeps the logs of running attempts within a limit, however fast they grow: both ends stay, the middle goes.

A job writes straight into its log, by appending, so that no reader can slow it down or die under it.  While
it does, the blocks in the middle of the file are given back to the disk (a hole; the file's length stays).
Where the file system knows no holes, the end is copied aside and the file emptied, which may lose what is
written in just that moment.  When nobody writes any more, beginning and end are put together.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import BinaryIO, Callable, Dict, Iterator, List, Optional, Set

from worker_agent.core.execution import Key
from worker_agent.protocol.layout import AttemptLayout
from worker_agent.protocol.logs.kept import Part, cut_note
from worker_agent.system.punch_hole import punch_hole

CALM_S, BUSY_S = 0.1, 0.02
"""Between two looks, and where a log has grown much since the last one."""
_HUGE = 1 << 40
"""File systems have a longest file: one that gets near is emptied, holes or not."""
_BLOCK = 1 << 20
_LINE_BYTES = 1 << 16
"""Cuts are made between lines, unless lines are longer than this."""

Punch = Callable[[int, int, int], bool]


class Log:
    """One log that a job appends to; at most `limit` bytes are kept, a quarter of that from its beginning."""

    def __init__(self, attempt: AttemptLayout, limit: int, punch: Punch = punch_hole) -> None:
        self._attempt = attempt
        self._limit, self._head, self._tail = limit, limit // 4, limit // 2
        self._punch = punch
        self._hole_end = self._head
        self._emptied = 0
        """Bytes that were in the file before it was last emptied."""
        self._size = 0
        self._settled = False
        self._cut: Optional[List[Part]] = None
        """What the file holds in the end, where that is not all."""
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def looking(self) -> Iterator[Optional[List[Part]]]:
        """Give what is kept, which stays as it is meanwhile; None where it is being cut just now.

        Raises OSError.
        """
        if not self._lock.acquire(blocking=False):
            yield None
            return
        try:
            yield self._parts()
        finally:
            self._lock.release()

    @property
    def was_emptied(self) -> bool:
        """Return whether the file holds less than was logged."""
        return self._emptied > 0

    def bound(self) -> bool:
        """Give back what the log has too much of.  Return whether it grows fast.  Raises OSError."""
        with self._lock:
            if self._settled:
                return False
            before, self._size = self._size, os.stat(self._attempt.log).st_size
            if self._emptied or self._size > _HUGE:
                self._empty_beyond(self._tail)
            elif self._head + self._size - self._hole_end > self._limit:
                self._make_hole()
            return self._size - before > self._limit // 8

    def settle(self) -> None:
        """Put together what is kept, once nobody writes any more.  Raises OSError."""
        with self._lock:
            log, self._settled = self._attempt.log, True
            try:
                self._size = os.stat(log).st_size
            except FileNotFoundError:
                self._size = 0
            if not self._emptied and self._size <= self._limit:
                return
            fresh = self._attempt.log_fresh
            with open(fresh, "wb") as target:
                parts = self._write_kept(target)
            os.replace(fresh, log)
            self._cut = parts
            for part in (self._attempt.log_head, self._attempt.log_tail):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(part)

    def _make_hole(self) -> None:
        end = self._size - self._tail
        descriptor = os.open(self._attempt.log, os.O_RDWR | os.O_CLOEXEC)
        try:
            punched = self._punch(descriptor, self._hole_end, end)
        finally:
            os.close(descriptor)
        if punched:
            self._hole_end = end
        else:
            self._empty_beyond(0)

    def _empty_beyond(self, allowed: int) -> None:
        """Where the file has more than `allowed` bytes, keep its end aside and empty it."""
        if self._size <= allowed:
            return
        if not self._emptied:
            _save(self._attempt.log_head, _range(self._attempt.log, 0, self._head))
        _save(self._attempt.log_tail, _range(self._attempt.log, self._size - self._limit // 4, self._size))
        os.truncate(self._attempt.log, 0)
        self._emptied, self._size = self._emptied + self._size, 0

    def _parts(self) -> List[Part]:
        if self._cut is not None:
            return self._cut
        attempt, size, before = self._attempt, os.stat(self._attempt.log).st_size, self._emptied
        if not before:
            head = min(self._head, size)
            return [
                Part(0, head, attempt.log, 0),
                Part(min(self._hole_end, size), size, attempt.log, self._hole_end),
            ]
        aside = os.stat(attempt.log_tail).st_size
        return [
            Part(0, min(self._head, before), attempt.log_head, 0),
            Part(before - aside, before, attempt.log_tail, 0),
            Part(before, before + size, attempt.log, 0),
        ]

    def _write_kept(self, target: BinaryIO) -> List[Part]:
        """Write beginning and end, and return what was written."""
        attempt, total = self._attempt, self._emptied + self._size
        head = b"".join(_range(attempt.log_head if self._emptied else attempt.log, 0, self._head))
        head = head[: _last_line_end(head)]
        tail = b"".join(self._last_bytes())
        tail = tail[_first_line_end(tail) :]
        note = cut_note(total - len(head) - len(tail), self._limit)
        target.writelines((head, note, tail))
        end = Part(total - len(tail), total, attempt.log, len(head) + len(note))
        return [Part(0, len(head), attempt.log, 0), end]

    def _last_bytes(self) -> Iterator[bytes]:
        if self._emptied and self._size < self._tail:
            aside = self._attempt.log_tail
            size = os.stat(aside).st_size
            yield from _range(aside, max(0, size - (self._tail - self._size)), size)
        yield from _range(self._attempt.log, max(0, self._size - self._tail), self._size)


class LogLimiter:
    """Bounds the logs of all running attempts, in a thread that sleeps while there are none."""

    def __init__(self, complain: Callable[[str], None]) -> None:
        self._logs: Dict[Key, Log] = {}
        self._failing: Set[Key] = set()
        self._complain = complain
        self._some = threading.Event()
        self._closing = threading.Event()
        self._thread: Optional[threading.Thread] = None

    def follow(self, key: Key, attempt: AttemptLayout, limit: int) -> None:
        """Bound the log of an attempt that has started."""
        self._logs[key] = Log(attempt, limit)
        if not self._some.is_set():
            self._some.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="logs", daemon=True)
            self._thread.start()

    def find(self, key: Key) -> Optional[Log]:
        """Return the log of an attempt that runs."""
        return self._logs.get(key)

    def leave(self, key: Key) -> Optional[Log]:
        """Follow a log no more, and return it to be settled."""
        self._failing.discard(key)
        return self._logs.pop(key, None)

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        self._some.set()
        if self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._some.wait()
            busy = [key for key, log in list(self._logs.items()) if self._bound(key, log)]
            if not self._logs:
                self._some.clear()
                # One that came since the look would be slept over.
                if self._logs:
                    self._some.set()
            self._closing.wait(BUSY_S if busy else CALM_S)

    def _bound(self, key: Key, log: Log) -> bool:
        try:
            return log.bound()
        except FileNotFoundError:
            return False
        except OSError as error:
            if key not in self._failing:
                self._failing.add(key)
                self._complain(f"the log of {key[0]}.{key[1]} cannot be kept within its limit: {error}")
            return False


def _range(path: str, start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes of a file from `start` to `end`."""
    with contextlib.suppress(FileNotFoundError), open(path, "rb") as stream:
        stream.seek(max(0, start))
        left = end - max(0, start)
        while left > 0:
            block = stream.read(min(_BLOCK, left))
            if not block:
                return
            yield block
            left -= len(block)


def _save(path: str, blocks: Iterator[bytes]) -> None:
    fresh = f"{path}.new"
    with open(fresh, "wb") as stream:
        stream.writelines(blocks)
    os.replace(fresh, path)


def _last_line_end(text: bytes) -> int:
    found = text.rfind(b"\n", max(0, len(text) - _LINE_BYTES))
    return len(text) if found < 0 else found + 1


def _first_line_end(text: bytes) -> int:
    return text.find(b"\n", 0, _LINE_BYTES) + 1
