"""Directories that nobody else can have put something into."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path


class UnsafePlaceError(OSError):
    """A place that is not ours alone; the text is for the user."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.strerror = problem


def make_private(directory: Path) -> None:
    """Make a directory, or take one that is there, and close it to everybody else.

    Who owns a directory above it is trusted, and so are the members of its group.  Raises UnsafePlaceError
    where it is another user's, or everybody can put something in its place; OSError.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    real = Path(os.path.realpath(str(directory)))
    status = real.stat()
    if status.st_uid != os.getuid():
        raise UnsafePlaceError(f"{directory} belongs to another user")
    for parent in real.parents:
        mode = parent.stat().st_mode
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise UnsafePlaceError(f"everybody can rename what is in {parent}: its owner must `chmod +t` it")
    if status.st_mode & 0o077:
        with contextlib.suppress(OSError):  # some file systems have no modes
            real.chmod(stat.S_IMODE(status.st_mode) & 0o700)


def is_anothers(directory: Path) -> bool:
    """Return whether there is such a directory and it is another user's."""
    try:
        return directory.stat().st_uid != os.getuid()
    except OSError:
        return False
