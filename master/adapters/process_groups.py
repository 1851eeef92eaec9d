"""Processes of ours that lead a group of their own."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to a process that leads a group, and to all of the group that is left."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
