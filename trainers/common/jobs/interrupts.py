"""A job that has its process to itself is told to end by SIGINT: it leaves where it can go on later."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from trainers.common.jobs.members import Cancelled


@contextmanager
def leaving_between_steps() -> Iterator[Callable[[], None]]:
    """Yield what raises Cancelled, once the process was interrupted: to be called where nothing is lost.

    A second SIGINT does what the first one would have done.  In another thread than the main one nothing is
    changed: signals do not come there.
    """
    is_asked = False

    def ask(number: int, frame: FrameType | None) -> None:
        nonlocal is_asked
        is_asked = True
        signal.signal(signal.SIGINT, before)

    def may_go_on() -> None:
        if is_asked:
            raise Cancelled("cancelled")

    if threading.current_thread() is not threading.main_thread():
        yield may_go_on
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield may_go_on
    finally:
        signal.signal(signal.SIGINT, before)
