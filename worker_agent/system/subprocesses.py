"""What the agent does with programs that it asks itself."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess


def kill_and_leave(process: "subprocess.Popen[bytes]") -> None:
    """Kill a program and what it has started, unless that has left its group.

    It is not waited for: what hangs in a driver cannot even be killed.
    """
    with contextlib.suppress(OSError):
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdout:
        process.stdout.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1.0)
    # The agent reaps every child that ends, whoever waits for it: subprocess must not complain of the rest.
    process.returncode = process.returncode if process.returncode is not None else -signal.SIGKILL
