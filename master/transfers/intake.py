"""The one way in for what workers send: files of the names that were announced, with our modes."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Collection, Iterator, Sequence
from itertools import accumulate
from pathlib import Path

from master.adapters.rsync import PARTIAL_DIR
from master.errors import IntegrityError
from worker_agent.protocol.digests import FileDigest

LARGE_BYTES = 64 << 20
"""What is smaller is not held against the room on the disk beforehand."""
RESERVE_BYTES = 256 << 20
"""What is larger leaves so much free: the journal lies on the same disk."""


def check_names(files: Sequence[FileDigest]) -> list[str]:
    """Return the paths of announced files.  Raises IntegrityError for paths that cannot all be there."""
    names = [item.path for item in files]
    folders = {folder for name in names for folder in _folders_of(name)}
    for name in names:
        if name in folders:
            raise IntegrityError(f"{name!r:.300} is announced as a file and as a folder")
    if len(set(names)) < len(names):
        raise IntegrityError("a file is announced twice")
    return names


def _folders_of(name: str) -> Iterator[str]:
    return accumulate(name.split("/")[:-1], lambda above, below: f"{above}/{below}")


def check_room(folder: Path, size: int) -> None:
    """Raise OSError where a folder's disk has no room for so many bytes and what must stay free."""
    if size >= LARGE_BYTES and shutil.disk_usage(folder).free < size + RESERVE_BYTES:
        raise OSError(errno.ENOSPC, f"no room for {size:,} bytes", str(folder))


def clear_others(folder: Path, names: Collection[str]) -> None:
    """Remove what an earlier try left in a folder but for the files with these paths.  Raises OSError."""
    for path, name in _entries(folder):
        if stat.S_ISDIR(path.lstat().st_mode):
            continue
        if name not in names and PARTIAL_DIR not in path.parts:
            path.unlink()


def take_in(folder: Path, names: Collection[str]) -> None:
    """See that a folder that came from a worker has just the files with these paths, and set their modes.

    Folders are for all to enter and files for all to read, as far as they were; the owner can write, nobody
    else, and what can be executed remains so.  Raises IntegrityError for a link, a file that has a name
    elsewhere too, one of another name or of another kind; OSError.
    """
    above = folder.stat().st_mode
    _set_mode(folder, above, above & 0o755 | 0o700)
    for path, name in _entries(folder):
        found = path.lstat()
        mode = found.st_mode
        if stat.S_ISDIR(mode):
            if path.name == PARTIAL_DIR:
                shutil.rmtree(path)
            else:
                _set_mode(path, mode, mode & 0o755 | 0o700)
        elif not stat.S_ISREG(mode) or name not in names or found.st_nlink > 1:
            raise IntegrityError(f"{name!r:.300} came and is no file that was announced")
        else:
            _set_mode(path, mode, mode & 0o755 | 0o600)


def _set_mode(path: Path, is_now: int, wanted: int) -> None:
    if stat.S_IMODE(is_now) != wanted:
        path.chmod(wanted)


def _entries(folder: Path) -> Iterator[tuple[Path, str]]:
    """Yield all that is below a folder, with its path from there; links are not followed."""
    top = str(folder)
    for above, folders, files in os.walk(top):
        for name in (*folders, *files):
            yield Path(above, name), f"{above}/{name}"[len(top) + 1 :]
