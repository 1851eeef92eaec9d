"""The parent of an agent: a job outlives its agent, for whatever a dead one leaves comes to here.

The kernel gives the children of a process that dies to the next ancestor that asked for them.  The keeper
reaps them and writes down how each ended, for the next agent; it ends when there is nothing left to reap.
"""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path
from typing import Callable

from worker_agent.system import exits, processes

_SET_NAME = 15
_NAME = b"twophase-keeper"
"""As long as the kernel takes."""


def keep(be_agent: Callable[[], int], own_end: int, path: Path) -> int:
    """Run an agent as a child; return in both processes, with the agent's exit code, and 0 in the keeper.

    `own_end` is a descriptor that only the agent needs.  Where orphans cannot be had, there is no keeper.
    """
    if not processes.adopt_orphans():
        return be_agent()
    agent = os.fork()
    if agent == 0:
        return be_agent()
    os.close(own_end)
    _introduce()
    while True:
        try:
            ended = exits.reap()
        except ChildProcessError:
            return 0
        if ended.pid != agent:
            exits.note(path, ended)


def is_kept(pid: int) -> bool:
    """Return whether a keeper will reap a process once all between the two have gone."""
    return any(processes.name_of(ancestor) == _NAME for ancestor in processes.ancestors(pid))


def _introduce() -> None:
    """Get a name in `ps`, let go of the session's files, and live as long as there is something to reap."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    os.close(null)
    os.chdir("/")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    with contextlib.suppress(ImportError, OSError, AttributeError):
        import ctypes

        ctypes.CDLL(None).prctl(_SET_NAME, _NAME, 0, 0, 0)
