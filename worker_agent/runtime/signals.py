"""The signals that an agent listens to."""

from __future__ import annotations

import signal
from typing import Callable, Optional

from worker_agent.runtime.agent_log import complain
from worker_agent.runtime.eviction import Eviction


def listen_to_signals(wakeup_fd: int, end: Callable[[], None], eviction: Optional[Eviction] = None) -> None:
    """Have `wakeup_fd` written to at every signal, and `end` called when the agent is to end.

    With an `eviction`, what Slurm sends is for that.  Must be called in the main thread.
    """

    def on_end(number: int, _: object) -> None:
        complain(f"signal {number}: the agent ends")
        end()

    signal.set_wakeup_fd(wakeup_fd, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGHUP, lambda *_: None)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_end)
    if eviction is not None:
        signal.signal(signal.SIGUSR1, lambda *_: eviction.near())
        signal.signal(signal.SIGTERM, lambda *_: eviction.now())


def stop_listening_to_signals() -> None:
    """Have nothing written any more: who was woken by it is going to be closed."""
    signal.set_wakeup_fd(-1)
