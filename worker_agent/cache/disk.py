"""Which disk a cache lies on: a random id in the directory that the machines of one disk have in common.

Home directories are often on a server: the caches of all machines lie side by side there, each below the name
of its host, and what one machine has the others can read.
"""

from __future__ import annotations

import contextlib
import os
import re
import stat
import uuid
from pathlib import Path
from typing import Callable, Iterator, Optional

from worker_agent.protocol.layout import WorkLayout
from worker_agent.protocol.private_directory import is_anothers

_ID = ".twophase-disk"
_WRITTEN = re.compile(r"[0-9a-f]{32}\Z")
_LONGEST = 64


def disk_id(base: Path) -> str:
    """Return the id of the disk that a directory is on, made where there is none; "" for none."""
    path = base / _ID
    if is_anothers(path):  # several users have been told the same directory
        path = base / f"{_ID}-{os.getuid()}"
    try:
        return _read(path) or _make(path)
    except OSError:
        return ""


def _read(path: Path) -> Optional[str]:
    """Return what one of our files says; "" for anything else that is there, None for nothing."""
    try:
        descriptor = os.open(str(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(descriptor)
        text = stream.read(_LONGEST).decode("ascii", "replace") if _is_ours(status, stat.S_ISREG) else ""
    return text if _WRITTEN.match(text) else ""


def _make(path: Path) -> str:
    """Give the disk an id, unless another machine is faster; return what it is.  Raises OSError."""
    fresh = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with os.fdopen(os.open(str(fresh), flags, 0o600), "w") as stream:
        stream.write(uuid.uuid4().hex)
        stream.flush()
        os.fsync(stream.fileno())  # what is empty after a power cut would stay so
    try:
        with contextlib.suppress(FileExistsError):
            os.link(str(fresh), str(path))
    except OSError:  # a file system without links: the last one wins, and the others read another id later
        os.replace(str(fresh), str(path))  # noqa: PTH105
        return _read(path) or ""
    fresh.unlink()
    return _read(path) or ""


def base_of(work_dir: Path, *, is_default: bool) -> Path:
    """Return what the machines of one disk have in common, given one machine's directory for big files."""
    return work_dir.parent.parent if is_default and work_dir.name == "work" else work_dir.parent


def beside(base: Path, own: WorkLayout, content_hash: str) -> Iterator[WorkLayout]:
    """Yield the other machines' directories for big files whose caches hold an artefact.

    Only what is ours alone counts: in a directory of several users others may have made anything.
    """
    with contextlib.suppress(OSError):
        entries = [entry for entry in os.scandir(str(base)) if entry.is_dir(follow_symlinks=False)]
        for entry in sorted(entries, key=lambda entry: entry.name):
            for work_dir in (Path(entry.path), Path(entry.path, "work")):
                layout = WorkLayout(work_dir)
                if work_dir != own.work_dir and _holds(layout, content_hash):
                    yield layout


def _holds(layout: WorkLayout, content_hash: str) -> bool:
    """Return whether a directory is ours alone, and its cache holds an artefact."""
    try:
        places = (layout.work_dir, layout.cache, layout.cached(content_hash))
        return all(_is_ours(place.lstat(), stat.S_ISDIR) for place in places)
    except OSError:
        return False


def _is_ours(status: os.stat_result, is_kind: Callable[[int], bool]) -> bool:
    return (
        is_kind(status.st_mode)
        and status.st_uid == os.getuid()
        and not status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    )
