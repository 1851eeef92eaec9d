"""What a worker's Python takes for the time: a container cannot set the kernel's clock.

It lies beside the packages of the worker's Python, and all that starts there imports it: `time.time` of
agents and jobs tells what a clock would that somebody has set.  What the kernel notes of files stays right.
"""

import time
from pathlib import Path

OFFSET = "/var/wrong_clock"
"""How wrong the clock is, in seconds; no file, not at all."""
_right = time.time


def _told() -> float:
    try:
        return _right() + float(Path(OFFSET).read_text())
    except (OSError, ValueError):
        return _right()


time.time = _told
