"""Work that would hold up the event loop: hashing, deleting, syncing."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading
import traceback
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable, Deque, Iterator, Union

from worker_agent.system.remove_tree import remove_tree

Work = Callable[[], object]
"""Runs in a thread; what it returns is an answer for the loop."""

_BURST = 20
_MOST_TRASH = 5000
"""Removing directories can be slower than starting jobs: while more than `_BURST` trees come in between two
calls of `tidy` they wait, up to `_MOST_TRASH` of them."""


_LEAST_PRIORITY = 19
_SYNC_S = 0.05
"""What is to be made durable is gathered for so long: each time costs as much as several short jobs."""


class Background:
    """Threads that work, and a socket that wakes the loop when they have an answer."""

    def __init__(self) -> None:
        self._hashing = ThreadPoolExecutor(2, thread_name_prefix="hashing")
        self._syncing = ThreadPoolExecutor(1, thread_name_prefix="syncing")
        self._looking = ThreadPoolExecutor(1, thread_name_prefix="looking")
        self._waiting = ThreadPoolExecutor(1, thread_name_prefix="waiting")
        self._idling = ThreadPoolExecutor(1, thread_name_prefix="idling", initializer=_step_back)
        self._deleting = ThreadPoolExecutor(1, thread_name_prefix="deleting")
        self._answers: Deque[object] = deque()
        self._trash: Deque[Union[str, Path]] = deque()
        self._trees = 0
        """That came since the last call of `tidy`."""
        self._sync_queued = False
        self._closing = threading.Event()
        self.wakeup, self._waker = socket.socketpair()
        self.wakeup.setblocking(False)
        self._waker.setblocking(False)

    def hash(self, work: Work) -> None:
        """Run `work` in a thread, and keep its answer for the loop."""
        self._hashing.submit(self._run, work)

    def look(self, work: Work) -> None:
        """Run `work`, which may hang, in a thread of its own, and keep its answer for the loop."""
        self._looking.submit(self._run, work)

    def wait(self, work: Work) -> None:
        """Run `work`, which waits for what is being hashed, in a thread of its own; keep its answer."""
        self._waiting.submit(self._run, work)

    def idle(self, work: Work) -> None:
        """Run `work`, which has time, in a thread behind all others, and keep its answer for the loop."""
        self._idling.submit(self._run, work)

    def delete(self, tree: Union[str, Path]) -> None:
        """Delete a directory some time."""
        self._trash.append(tree)
        self._trees += 1

    def tidy(self) -> None:
        """Delete what is waiting, unless short jobs are pouring through.  Called about once a second."""
        if self._trash and (self._trees <= _BURST or len(self._trash) > _MOST_TRASH):
            self._deleting.submit(_empty, self._trash)
        self._trees = 0

    def sync(self, work: Callable[[], None]) -> None:
        """Run `work` soon, once for all calls until it begins."""
        if not self._sync_queued:
            self._sync_queued = True
            self._syncing.submit(self._sync, work)

    def answers(self) -> Iterator[object]:
        """Yield the answers that are there.  Called by the loop."""
        while self._answers:
            yield self._answers.popleft()

    def tell(self, answer: object) -> None:
        """Keep an answer for the loop, and make it look; for threads that are not of these."""
        self._answers.append(answer)
        try:
            self._waker.send(b"\0")
        except OSError:
            return  # it is awake, or has ended

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
        self._closing.set()
        self._deleting.submit(_empty, self._trash)
        self._deleting.shutdown(wait=True)
        self._syncing.shutdown(wait=True)
        self._hashing.shutdown(wait=False)
        self._looking.shutdown(wait=False)
        self._waiting.shutdown(wait=False)
        self._idling.shutdown(wait=False)
        self.wakeup.close()
        self._waker.close()

    def _run(self, work: Work) -> None:
        try:
            self.tell(work())
        except Exception:
            with contextlib.suppress(OSError):
                traceback.print_exc(file=sys.stderr)

    def _sync(self, work: Callable[[], None]) -> None:
        self._closing.wait(_SYNC_S)
        self._sync_queued = False
        work()


def _step_back() -> None:
    """Let jobs, and all other threads, go before this one: on Linux each has a priority of its own."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _LEAST_PRIORITY)


def _empty(trash: Deque[Union[str, Path]]) -> None:
    with contextlib.suppress(IndexError):
        while True:
            remove_tree(Path(trash.popleft()))
