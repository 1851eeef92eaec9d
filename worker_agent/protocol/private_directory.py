"""Directories that nobody else can have put something into."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from pathlib import Path


class UnsafePlaceError(OSError):
    """A place that is not ours alone; the text is for the user."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.strerror = problem


def make_private(directory: Path) -> None:
    """Make a directory, or take one that is there, where nobody else can put anything, nor in its place.

    Who owns a directory above it is trusted, and so are the members of its group.  Raises UnsafePlaceError
    where it is another user's, or everybody can put something in its place; OSError.
    """
    close_directory(directory)
    for path in (directory.absolute(), Path(os.path.realpath(str(directory)))):
        for above in (path, *path.parents):
            _check_above(above, path)


def _check_above(above: Path, path: Path) -> None:
    if above.is_symlink() and above.lstat().st_uid not in (0, os.getuid()):
        raise UnsafePlaceError(f"{above} is a link of another user")
    mode = above.stat().st_mode
    if above != path and mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
        advice = "its owner must `chmod +t` it, or choose another place"
        raise UnsafePlaceError(f"everybody can rename what is in {above}: {advice}")


def close_directory(directory: Path) -> None:
    """Make a directory, or take one of ours that is there, and close it to everybody else.

    Raises UnsafePlaceError where it is another user's, OSError.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = directory.stat()
    if status.st_uid != os.getuid() and not _has_one_owner(directory):
        raise UnsafePlaceError(f"{directory} belongs to another user")
    if status.st_mode & 0o077:
        with contextlib.suppress(OSError):  # some file systems have no modes
            directory.chmod(stat.S_IMODE(status.st_mode) & 0o700)


def _has_one_owner(directory: Path) -> bool:
    """Return whether all that is made there belongs to one owner, as on some network file systems."""
    try:
        with tempfile.TemporaryFile(dir=str(directory)) as made:
            return os.fstat(made.fileno()).st_uid != os.getuid()
    except OSError:
        return False


def is_anothers(directory: Path) -> bool:
    """Return whether there is such a directory and it is another user's."""
    try:
        return directory.stat().st_uid != os.getuid()
    except OSError:
        return False
