"""Ends a Slurm of the tests when whoever has started it is gone, however that came: SIGKILL too.

The end of its input tells.  Daemons and what runs in allocations have sessions of their own and would stay.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from tests.support.processes import end_all

ROOT = Path(__file__).parents[2]


def watched(directory: Path) -> subprocess.Popen[bytes]:
    """Start a watcher of the Slurm in a directory; it ends once its input is closed."""
    argv = [sys.executable, "-m", "tests.support.slurm_watch", str(directory)]
    return subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, start_new_session=True)


def main() -> None:
    """Wait for the end, and kill what has that directory in its variables, and all that came from it."""
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    sys.stdin.buffer.read()
    end_all(sys.argv[1])


if __name__ == "__main__":
    main()
