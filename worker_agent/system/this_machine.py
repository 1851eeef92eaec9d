"""What paths mean on this machine, and what it is called."""

from __future__ import annotations

import os
import socket
from pathlib import Path


def expand(path: str) -> Path:
    """Return a path of the settings as an absolute one: `~` and variables are those of this worker."""
    return Path(os.path.expandvars(path)).expanduser()


def hostname() -> str:
    """Return this machine's name as a directory name."""
    return socket.gethostname().replace("/", "_") or "localhost"
