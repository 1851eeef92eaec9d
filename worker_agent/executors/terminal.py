"""Runs a job in the foreground of the terminal that the agent was started in, for a debugger."""

from __future__ import annotations

import contextlib
import os
import signal
import termios
from pathlib import Path
from typing import List, Optional

from worker_agent.core.execution import StartError
from worker_agent.executors.base import Invocation
from worker_agent.system import processes

_TERMINAL = "/dev/tty"
_DEFAULT_SIGNALS = [
    *(signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGHUP),
    *(signal.SIGTTOU, signal.SIGTTIN),
]
_NOTE = b"(this job ran in the terminal: what it said was shown there)\n"


class Terminal:
    """The terminal, and whose it was before a job."""

    def __init__(self) -> None:
        self._descriptor: Optional[int] = None
        self._owner = 0
        self._modes: List[object] = []

    def start(self, invocation: Invocation) -> int:
        """Start an attempt as the terminal's foreground job and return its pid.  Raises StartError."""
        if self._descriptor is not None:
            raise StartError("another job has the terminal: inline jobs run one at a time")
        with contextlib.suppress(OSError):
            self._descriptor = os.open(_TERMINAL, os.O_RDWR)
        if self._descriptor is None:
            raise StartError(
                "inline needs the terminal, which this agent has not: it was started by an earlier command; "
                f"end it (kill {os.getpid()}) and give the command again"
            )
        self._owner = os.tcgetpgrp(self._descriptor)
        self._modes = termios.tcgetattr(self._descriptor)
        try:
            Path(invocation.log).write_bytes(_NOTE)
            pid = self._spawn(invocation, self._descriptor)
        except (OSError, ValueError) as error:
            self.release()
            raise StartError(f"cannot start {invocation.argv[0]}: {error}") from error
        os.tcsetpgrp(self._descriptor, pid)
        # It may have tried to read before the terminal was its own.
        processes.signal_group(pid, signal.SIGCONT)
        return pid

    def release(self) -> None:
        """Give the terminal back, with the modes that it had."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        with contextlib.suppress(OSError, termios.error):
            os.tcsetpgrp(descriptor, self._owner)
            termios.tcsetattr(descriptor, termios.TCSADRAIN, self._modes)  # type: ignore[arg-type]
        os.close(descriptor)

    def _spawn(self, invocation: Invocation, terminal: int) -> int:
        if invocation.keep_fd is not None:
            os.set_inheritable(invocation.keep_fd, True)
        # posix_spawn cannot change the directory; no thread of the agent uses a relative path.
        os.chdir(invocation.cwd)
        try:
            return os.posix_spawn(
                *(invocation.argv[0], invocation.argv, invocation.env),
                file_actions=[(os.POSIX_SPAWN_DUP2, terminal, number) for number in range(3)],
                setpgroup=0,
                setsigdef=_DEFAULT_SIGNALS,
            )
        finally:
            os.chdir("/")
            if invocation.keep_fd is not None:
                os.set_inheritable(invocation.keep_fd, False)


def stay_in_background() -> None:
    """Lead a process group of the terminal's session that a Ctrl-C does not reach and that may use it."""
    os.setpgid(0, 0)
    for number in (signal.SIGTTOU, signal.SIGTTIN):
        signal.signal(number, signal.SIG_IGN)
