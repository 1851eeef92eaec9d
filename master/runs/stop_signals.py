"""Stopping a run: asked for by any thread, or by Ctrl-C, `kill` and a closed terminal."""

from __future__ import annotations

import os
import signal
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from types import FrameType

from master import steady_clock
from master.adapters.inbox import Inbox, Noted, Received
from master.core.exit_codes import EXIT_INTERRUPTED
from master.core.running import events as ev

_STREAMS = (0, 1, 2)
_SHOW_CURSOR = b"\x1b[?25h"
_GOES_ON = "; the same command goes on later"
_SAID = (
    "stopping: running jobs may finish, nothing more is started{later}; again to cancel them",
    "cancelling the running jobs and waiting until they are gone; again to leave at once (they go on)",
)


class Stops:
    """Counts how often a run was asked to stop, and tells it what that means.

    Any thread may ask, and a signal handler too: nothing waits for a lock.
    """

    def __init__(
        self, inbox: Inbox, clock: Callable[[], float] = steady_clock.now, *, resumes: bool = True
    ) -> None:
        """`resumes`: whether the same command is going to go on where this run stops."""
        self._later = _GOES_ON if resumes else ""
        self._inbox, self._clock = inbox, clock
        self._numbers = count(1)

    def ask(self) -> int:
        """Ask to stop, the second time to cancel; return how often it was asked so far."""
        number = next(self._numbers)
        if number <= len(_SAID):
            self._inbox.put(Noted(_SAID[number - 1].format(later=self._later)))
            event = ev.StopRequested if number == 1 else ev.CancelRequested
            self._inbox.put(Received(event(self._clock())))
        return number


@contextmanager
def on_signals(stop: Callable[[], int], leave: Callable[[int], object] = os._exit) -> Iterator[None]:
    """Call `stop` on SIGINT and SIGTERM; where that is the third time or later, leave at once.

    When the terminal is closed (SIGHUP) the run goes on without it.  `leave` ends the process.
    """

    def heed(_number: int, _frame: FrameType | None) -> None:
        if stop() > len(_SAID):
            _show_cursor()
            leave(EXIT_INTERRUPTED)

    handlers = {signal.SIGINT: heed, signal.SIGTERM: heed, signal.SIGHUP: _detach}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _show_cursor() -> None:
    """Give back what a live view took, for it will not be closed."""
    if os.isatty(_STREAMS[-1]):
        os.write(_STREAMS[-1], _SHOW_CURSOR)


def _detach(_number: int, _frame: FrameType | None) -> None:
    """Let go of a terminal that is gone, or a pipe whose reader went with it: writing there would fail."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in _STREAMS:
        if not _is_file(stream):
            os.dup2(nowhere, stream)
    os.close(nowhere)


def _is_file(stream: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream).st_mode)
    except OSError:
        return False
