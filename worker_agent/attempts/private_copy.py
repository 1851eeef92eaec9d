"""A job's own copy of the snapshot, which it may write to, and what it has done to it.

A copy is made anew for no job that leaves it as it was: a look at each file costs a tenth of copying it.
"""

from __future__ import annotations

import fcntl
import filecmp
import os
import shutil
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Set, Tuple

CACHES = frozenset({"__pycache__"})
"""Folders that Python keeps for itself and checks against the sources: neither results nor changes."""
TICK_NS = 20_000_000
"""Times of files are no finer than this: what changed so soon after a copy may look like the copy."""
_FICLONE = 0x40049409
_SMALL = 1 << 20
_EXECUTABLE = 0o111

Looks = Tuple[int, int, Tuple[int, int], int, int]
"""Inode, size, times of the last change and of the inode's, mode and number of links."""


@dataclass
class PrivateCopy:
    """What was put below a directory, and what it looked like then."""

    sources: Dict[str, str]
    """What each file is a copy of, by its path below the directory."""
    links: Dict[str, str]
    """Links to what the job may not write to, such as data."""
    looks: Dict[str, Looks] = field(default_factory=dict)
    folders: Dict[str, int] = field(default_factory=dict)
    """Modes."""


@dataclass(frozen=True)
class Difference:
    """What a job has done to its copy, by paths below the directory."""

    changed: Tuple[str, ...] = ()
    """Files that may hold something else than what they are copies of."""
    added: Tuple[str, ...] = ()
    """Whatever was not there: files, links, sockets, and folders with all that is in them."""
    missing: Tuple[str, ...] = ()
    """Files, links and folders that are gone, or something else now."""

    def __bool__(self) -> bool:
        return bool(self.changed or self.added or self.missing)


def make_copy(top: str, shown: Mapping[str, Path], links: Mapping[str, Path]) -> PrivateCopy:
    """Copy files and folders to their paths below `top`, and make the links.  Raises OSError.

    `top` exists; folders on the way to a link are made.
    """
    copy = PrivateCopy({}, {name: str(target) for name, target in links.items()})
    for name, source in shown.items():
        _plan(copy, name, str(source), top)
    for name in copy.sources:
        copy.looks[name] = _copy_file(copy.sources[name], f"{top}/{name}")
    for name, target in copy.links.items():
        _make_folders(copy, os.path.dirname(name), top)
        os.symlink(target, f"{top}/{name}")
    return copy


def copy_of_earlier(top: str, shown: Mapping[str, Path], links: Mapping[str, Path]) -> PrivateCopy:
    """Return what `make_copy` must have returned for a copy that is there: what differs has changed.

    Raises OSError for what it is a copy of and is gone.
    """
    copy = PrivateCopy({}, {name: str(target) for name, target in links.items()})
    for name, source in shown.items():
        _plan(copy, name, str(source), top, make=False)
    for name in copy.links:
        _make_folders(copy, os.path.dirname(name), top, make=False)
    for name, original in copy.sources.items():
        there = f"{top}/{name}"
        is_same = os.path.isfile(there) and not os.path.islink(there)
        if is_same and filecmp.cmp(original, there, shallow=False):
            copy.looks[name] = _looks(os.lstat(there))
        else:
            copy.looks[name] = (0, 0, (0, 0), 0, 0)
    return copy


def difference(copy: PrivateCopy, top: str, since_ns: int) -> Difference:
    """Return what has become of a copy; `since_ns` is when its job was started.  Raises OSError."""
    seen: Set[str] = set()
    changed: List[str] = []
    added: List[str] = []
    folders = [""]
    settled_ns = since_ns - TICK_NS
    while folders:
        folder = folders.pop()
        with os.scandir(f"{top}/{folder}") as entries:
            for entry in entries:
                name = f"{folder}{entry.name}"
                before = copy.looks.get(name)
                settled = before and before[2][1] < settled_ns
                # Nearly all files are as they were: nothing more is asked of them.
                if settled and before == _looks(entry.stat(follow_symlinks=False)):
                    seen.add(name)
                    continue
                kind = _kind(copy, entry, name, settled_ns)
                if kind == "folder":
                    folders.append(f"{name}/")
                elif kind == "changed":
                    changed.append(name)
                elif kind == "added":
                    added.append(name)
                if kind != "added":
                    seen.add(name)
    expected = (copy.sources, copy.links, copy.folders)
    missing = tuple(name for names in expected for name in names if name not in seen)
    return Difference(tuple(sorted(changed)), tuple(sorted(added)), missing)


def restore(copy: PrivateCopy, top: str, found: Difference, discard: Callable[[str], None]) -> None:
    """Make a copy what it was; `discard` takes what the job put there out of the way.  Raises OSError."""
    for name in (*found.added, *found.changed):
        discard(f"{top}/{name}")
    for name in found.missing:
        if name in copy.folders:
            _make_folder(copy, name, top)
    for name in (*found.changed, *found.missing):
        if name in copy.sources:
            copy.looks[name] = _copy_file(copy.sources[name], f"{top}/{name}")
        elif name in copy.links:
            os.symlink(copy.links[name], f"{top}/{name}")


def is_as_copied(copy: PrivateCopy, top: str, name: str) -> bool:
    """Return whether a file still holds what it is a copy of.  Raises OSError."""
    return filecmp.cmp(copy.sources[name], f"{top}/{name}", shallow=False)


def _kind(copy: PrivateCopy, entry: "os.DirEntry[str]", name: str, settled_ns: int) -> str:
    """Say what an entry is: `same`, `changed`, `added`, or a `folder` to look into.

    Times from `settled_ns` on are within a tick of the start: they would be the same after a change.
    """
    if entry.is_dir(follow_symlinks=False):
        if entry.name in CACHES:
            return "same"
        return "folder" if copy.folders.get(name) == entry.stat(follow_symlinks=False).st_mode else "added"
    if name in copy.links:
        return "same" if entry.is_symlink() and os.readlink(entry.path) == copy.links[name] else "added"
    before = copy.looks.get(name)
    if before is None:
        return "added"
    looks = _looks(entry.stat(follow_symlinks=False))
    same = looks == before
    if not same and not stat.S_ISREG(looks[3]):
        return "added"
    if same and looks[2][1] >= settled_ns:
        same = filecmp.cmp(copy.sources[name], entry.path, shallow=False)
    return "same" if same else "changed"


def looks_at(path: str) -> Looks:
    """Return what a file or a folder looks like; links are not followed.  Raises OSError."""
    return _looks(os.lstat(path))


def _looks(status: os.stat_result) -> Looks:
    times = status.st_mtime_ns, status.st_ctime_ns
    return status.st_ino, status.st_size, times, status.st_mode, status.st_nlink


def _plan(copy: PrivateCopy, name: str, source: str, top: str, make: bool = True) -> None:
    """Note which files are to be copied, and make the folders that they are in, or find them made."""
    if not os.path.isdir(source):
        _make_folders(copy, os.path.dirname(name), top, make)
        copy.sources[name] = source
        return
    _make_folders(copy, name, top, make)
    with os.scandir(source) as entries:
        for entry in sorted(entries, key=lambda item: item.name):
            if entry.name not in CACHES:
                _plan(copy, f"{name}/{entry.name}", entry.path, top, make)


def _make_folders(copy: PrivateCopy, name: str, top: str, make: bool = True) -> None:
    if not name or name in copy.folders:
        return
    _make_folders(copy, os.path.dirname(name), top, make)
    _make_folder(copy, name, top, make)


def _make_folder(copy: PrivateCopy, name: str, top: str, make: bool = True) -> None:
    if make:
        os.mkdir(f"{top}/{name}")
    if make or os.path.isdir(f"{top}/{name}"):
        copy.folders[name] = os.lstat(f"{top}/{name}").st_mode
    else:
        copy.folders[name] = 0


def _copy_file(source: str, target: str) -> Looks:
    """Copy a file with its times and its executable bit, but writable; return what the copy looks like."""
    with open(source, "rb") as stream:
        status = os.fstat(stream.fileno())
        mode = 0o666 | (0o111 if status.st_mode & _EXECUTABLE else 0)
        made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            with os.fdopen(made, "wb", buffering=0, closefd=False) as copy:
                if status.st_size <= _SMALL:
                    copy.write(stream.read())
                elif not _clone(made, stream.fileno()):
                    shutil.copyfileobj(stream, copy, 1 << 20)
            os.utime(made, ns=(status.st_atime_ns, status.st_mtime_ns))
            return _looks(os.fstat(made))
        finally:
            os.close(made)


def _clone(target: int, source: int) -> bool:
    """Let two files share their blocks, where the file system can."""
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError:
        return False
    return True
