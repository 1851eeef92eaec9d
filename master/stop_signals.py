"""Ctrl-C, `kill` and a closed terminal, as events of the run."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from master.core import events as ev
from master.inbox import Inbox, Noted, Received

_SAID = (
    "stopping: running jobs may finish, nothing more is started; again to cancel them",
    "cancelling the running jobs and waiting until they are gone; again to leave at once (they go on)",
)


@contextmanager
def as_events(inbox: Inbox, clock: Callable[[], float] = time.time) -> Iterator[None]:
    """Turn the first SIGINT or SIGTERM into StopRequested, the second into CancelRequested.

    The third leaves at once.  When the terminal is closed (SIGHUP) the run goes on without it.
    """
    count = 0

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal count
        count += 1
        if count > 2:
            os._exit(130)
        inbox.put(Noted(_SAID[count - 1]))
        inbox.put(Received((ev.StopRequested if count == 1 else ev.CancelRequested)(clock())))

    handlers = {signal.SIGINT: stop, signal.SIGTERM: stop, signal.SIGHUP: _detach}
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _detach(_number: int, _frame: FrameType | None) -> None:
    """Let go of a terminal that is gone: writing to it would fail."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    os.close(nowhere)
