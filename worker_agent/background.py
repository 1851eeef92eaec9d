"""Work that would hold up the event loop: hashing, deleting, syncing."""

from __future__ import annotations

import contextlib
import shutil
import socket
import sys
import traceback
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Deque

Answer = Callable[[], None]
"""What the loop does once the work is done."""


class Background:
    """Threads that work, and a socket that wakes the loop when they have an answer."""

    def __init__(self) -> None:
        self._hashing = ThreadPoolExecutor(2, thread_name_prefix="hashing")
        self._syncing = ThreadPoolExecutor(1, thread_name_prefix="syncing")
        self._deleting = ThreadPoolExecutor(1, thread_name_prefix="deleting")
        self._answers: Deque[Answer] = deque()
        self._trash: Deque[Path] = deque()
        self._sync_queued = False
        self.wakeup, self._waker = socket.socketpair()
        self.wakeup.setblocking(False)
        self._waker.setblocking(False)

    def hash(self, work: Callable[[], Answer]) -> None:
        """Run `work` in a thread, and its answer in the loop."""
        self._hashing.submit(self._run, work)

    def delete(self, tree: Path) -> None:
        """Delete a directory some time."""
        self._trash.append(tree)
        if len(self._trash) == 1:
            self._deleting.submit(self._empty_trash)

    def sync(self, work: Callable[[], None]) -> None:
        """Run `work` soon, once for all calls until it begins."""
        if not self._sync_queued:
            self._sync_queued = True
            self._syncing.submit(self._sync, work)

    def answers(self) -> None:
        """Run the answers that are there.  Called by the loop."""
        while self._answers:
            self._answers.popleft()()

    def wake(self) -> None:
        """Make the loop look for answers."""
        try:
            self._waker.send(b"\0")
        except BlockingIOError:
            return

    @property
    def wakeup_fd(self) -> int:
        """Where the interpreter may write the numbers of signals."""
        return self._waker.fileno()

    def drain(self) -> None:
        """Take the wake-ups out of the socket."""
        try:
            while self.wakeup.recv(4096):
                pass
        except BlockingIOError:
            return

    def close(self) -> None:
        """Finish deleting, and end the threads that are idle."""
        self._deleting.shutdown(wait=True)
        self._syncing.shutdown(wait=True)
        self._hashing.shutdown(wait=False)

    def _run(self, work: Callable[[], Answer]) -> None:
        try:
            self._answers.append(work())
        except Exception:
            with contextlib.suppress(OSError):
                traceback.print_exc(file=sys.stderr)
        self.wake()

    def _sync(self, work: Callable[[], None]) -> None:
        self._sync_queued = False
        work()

    def _empty_trash(self) -> None:
        while self._trash:
            shutil.rmtree(str(self._trash[0]), ignore_errors=True)
            self._trash.popleft()
