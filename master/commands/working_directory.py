"""The directory in which a command was started: it may have been deleted since."""

from __future__ import annotations

import os
from pathlib import Path

from master.errors import UsageError

_DELETED = " (deleted)"
"""The kernel adds it to the path."""


def check_working_directory() -> None:
    """Raise UsageError, naming it, where the current directory is gone.

    Nothing can be told of relative paths then, and rsync and ssh do not start there.
    """
    try:
        Path.cwd()
    except OSError as error:
        what = "has been deleted" if isinstance(error, FileNotFoundError) else f"({error.strerror})"
        advice = "`cd` to one that exists, also where a new one has its name"
        raise UsageError(f"the current directory {_name()} {what}: {advice}") from error


def _name() -> str:
    try:
        return str(Path("/proc/self/cwd").readlink()).removesuffix(_DELETED)
    except OSError:
        return os.environ.get("PWD", "")
