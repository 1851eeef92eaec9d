"""Copies between local directories, file by file, as rsync does to and from remote ones."""

from __future__ import annotations

import contextlib
import filecmp
import os
import shutil
import stat
import uuid
from collections.abc import Collection
from pathlib import Path

from worker_agent.protocol.sparse_files import copy_file

TEMPORARY_PREFIX = ".mirror-"


def mirror(source: Path, target: Path) -> None:
    """Make the directory `target` equal to `source`: names, content, permissions, times, links as links.

    Folders can be written to by their owner whatever they were: caches are read-only, their copies are not.
    A file that is equal already stays, so an interrupted copy goes on where it ended; any other appears under
    its name only when it is whole.  Sockets, pipes and devices are left out.  Raises OSError.
    """
    target.mkdir(parents=True, exist_ok=True)
    with os.scandir(source) as found:
        wanted = {entry.name: entry for entry in found if _is_copied(entry)}
    for existing in list(target.iterdir()):
        if existing.name not in wanted:
            _remove(existing)
    for name, entry in wanted.items():
        _copy(entry, target / name)
    shutil.copystat(source, target)
    target.chmod(target.stat().st_mode | stat.S_IRWXU)


def bring(source: Path, target: Path, names: Collection[str], most: int) -> None:
    """Copy the files with these paths from one directory into another.

    Links are not followed; they, other things than files, and files of more than `most` bytes stay behind.  A
    file that is equal already stays.  Raises OSError, also for a path that is not there.
    """
    for name in names:
        status = (source / name).lstat()
        if stat.S_ISREG(status.st_mode) and status.st_size <= most:
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            if not _is_equal(source / name, target / name):
                _replace(source / name, target / name)


def _is_copied(entry: os.DirEntry[str]) -> bool:
    return entry.is_symlink() or entry.is_dir() or entry.is_file()


def _copy(entry: os.DirEntry[str], target: Path) -> None:
    if not entry.is_symlink() and entry.is_dir():
        if target.is_symlink() or not target.is_dir():
            _remove(target)
        mirror(Path(entry.path), target)
        return
    if not _is_equal(Path(entry.path), target):
        _replace(Path(entry.path), target)
    elif not entry.is_symlink():
        shutil.copystat(entry.path, target)


def _is_equal(source: Path, target: Path) -> bool:
    if source.is_symlink() or target.is_symlink():
        return source.is_symlink() and target.is_symlink() and source.readlink() == target.readlink()
    return target.is_file() and filecmp.cmp(source, target, shallow=False)


def _replace(source: Path, target: Path) -> None:
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex}")
    try:
        if source.is_symlink():
            temporary.symlink_to(source.readlink())
        else:
            copy_file(str(source), str(temporary))
        if target.is_dir() and not target.is_symlink():
            _remove(target)
        temporary.replace(target)
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()


def _remove(path: Path) -> None:
    """Remove what is there, if anything, a directory that forbids it included."""
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return
    for directory, _, _ in os.walk(path):
        Path(directory).chmod(stat.S_IRWXU)
    shutil.rmtree(path)
