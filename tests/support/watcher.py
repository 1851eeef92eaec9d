"""Ends what tests have started when whoever runs them is gone, however that came: SIGKILL too.

The end of its input tells.  Daemons, agents and what runs in allocations have sessions of their own and would
stay.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.support.processes import end_all

ROOT = Path(__file__).parents[2]


def watched(mark: str) -> subprocess.Popen[bytes]:
    """Start a watcher of what is started with a mark in a variable.

    It ends once its input is closed, and all of that with it, unless it was given something to read.
    """
    argv = [sys.executable, "-m", "tests.support.watcher", mark]
    return subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True)


def main() -> None:
    """Wait for the end, and kill what has that mark in its variables, and all that came from it."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    if not sys.stdin.buffer.read():
        end_all(sys.argv[1])


if __name__ == "__main__":
    main()
