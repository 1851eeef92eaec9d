"""What the agent has to say to whoever reads its log."""

from __future__ import annotations

import contextlib
import os
import time


def complain(text: str) -> None:
    """Write a line to the agent's log, if the disk has room for it."""
    with contextlib.suppress(OSError):
        os.write(2, f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n".encode("utf-8", "replace"))
