"""Files that only their owner may read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from master.errors import ConfigError


def check_private(path: Path, what: str) -> None:
    """Refuse a file of secrets that cannot be read here, or that others may read.  Raises ConfigError."""
    try:
        with open(path, "rb", opener=_without_waiting) as stream:
            mode = os.fstat(stream.fileno()).st_mode
    except OSError as error:
        raise ConfigError(str(path), "", f"{what} cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(mode):
        raise ConfigError(str(path), "", f"{what} must be in a file: this is none")
    refuse_others(path, stat.S_IMODE(mode))


def _without_waiting(path: str, flags: int) -> int:
    """Open a file; a pipe that nobody writes to would be waited for else, by a master with all that runs."""
    return os.open(path, flags | os.O_NONBLOCK)


def refuse_others(path: Path, mode: int) -> None:
    """Refuse a file by its mode.  Raises ConfigError."""
    if mode & 0o077:
        raise ConfigError(str(path), "", f"others may read it (mode {mode:04o}): `chmod 600 {path}`")
