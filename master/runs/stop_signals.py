"""Ctrl-C, `kill` and a closed terminal, as events of the run."""

from __future__ import annotations

import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from master.adapters.inbox import Inbox, Noted, Received
from master.core.running import events as ev
from master.core.running.run_state import EXIT_INTERRUPTED

_STREAMS = (0, 1, 2)
_SHOW_CURSOR = b"\x1b[?25h"
_SAID = (
    "stopping: running jobs may finish, nothing more is started; again to cancel them",
    "cancelling the running jobs and waiting until they are gone; again to leave at once (they go on)",
)


@contextmanager
def as_events(
    inbox: Inbox, clock: Callable[[], float] = time.time, leave: Callable[[int], object] = os._exit
) -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into StopRequested, the second into CancelRequested.

    The third leaves at once.  When the terminal is closed (SIGHUP) the run goes on without it.  `leave` ends
    the process.
    """
    count = 0

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal count
        count += 1
        if count > 2:
            _show_cursor()
            leave(EXIT_INTERRUPTED)
            return
        inbox.put(Noted(_SAID[count - 1]))
        inbox.put(Received((ev.StopRequested if count == 1 else ev.CancelRequested)(clock())))

    handlers = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGHUP: _detach}
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
