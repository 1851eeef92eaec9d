"""Digests of files and directories: what transfers are verified against."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any, Iterable, Iterator, List, NamedTuple, Sequence, Tuple, Union

from worker_agent.protocol.file_systems import sync_file_system
from worker_agent.protocol.renaming import rename

MANIFEST = "manifest.json"
"""Describes a base model, lies in its directory, and is not part of its content hash."""


_MOST_BYTES = 2**63 - 1
_LONGEST_NAME = 255
"""In bytes, of a file."""
_ODD_PARTS = frozenset((b"", b".", b".."))
_AT_ONCE = 8
"""Files that are made durable at a time …"""
_MANY = 256
"""… and of how many it is quicker to make all of the file system durable."""


class FileDigest(NamedTuple):
    """One file of an artefact; in messages and manifests a list `[path, size, sha256]`."""

    path: str
    """Relative, with `/`."""
    size: int
    sha256: str

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> "FileDigest":
        """Return the digest of a row.  Raises ValueError for an unsafe path or a row of another shape."""
        path, size, sha256 = row
        if (
            not (type(path) is str and type(size) is int and type(sha256) is str)
            or not 0 <= size <= _MOST_BYTES
        ):
            raise ValueError(f"not a file digest: {row!r:.200}")
        return cls(safe_path(path), size, sha256)


def safe_path(path: str) -> str:
    """Return a path that stays below the directory it is relative to, as a file system can have it.

    Raises ValueError for any other.
    """
    try:
        parts = os.fsencode(path).split(b"/")
    except UnicodeEncodeError:
        parts = []
    if not parts or not _ODD_PARTS.isdisjoint(parts) or "\0" in path or max(map(len, parts)) > _LONGEST_NAME:
        raise ValueError(f"unsafe path {path!r:.300}")
    return path


def digest_file(path: Union[str, Path]) -> Tuple[int, str]:
    """Return size and sha256 of a file."""
    digest, size = hashlib.sha256(), 0
    with open(path, "rb") as stream:  # noqa: PTH123
        while True:
            block = stream.read(1 << 20)
            if not block:
                return size, digest.hexdigest()
            digest.update(block)
            size += len(block)


def _files_below(directory: str) -> Iterator[str]:
    for folder, _, names in os.walk(directory, onerror=_refuse):
        for name in names:
            path = f"{folder}/{name}"
            if os.path.isfile(path):  # noqa: PTH113
                yield path


def _refuse(error: OSError) -> None:
    """What cannot be looked into would be left out without a word."""
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise error


def digest_directory(directory: Union[str, Path]) -> List[FileDigest]:
    """Return the digests of all files below `directory`, sorted by path; none where it does not exist.

    A symbolic link to a file counts as the file; links to directories and special files do not count.
    Raises OSError for a file or a directory that cannot be read.
    """
    top = str(directory).rstrip("/")
    return sorted(FileDigest(path[len(top) + 1 :], *digest_file(path)) for path in _files_below(top))


def without_manifest(files: Iterable[FileDigest]) -> List[FileDigest]:
    """Return the files of a base model without its manifest."""
    return [item for item in files if item.path != MANIFEST]


def holds(directory: Path, wanted: str) -> bool:
    """Return whether a directory holds what a content hash says, be it with or without a manifest.

    Raises OSError for what cannot be read.
    """
    files = digest_directory(directory)
    return wanted in (content_hash(files), content_hash(without_manifest(files)))


def content_hash(files: Iterable[FileDigest]) -> str:
    """Return the hash of what came out: 64 hex digits over the paths and digests of all files."""
    text = json.dumps(["twophase-content", sorted(files)], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def fsync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(str(directory), os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_tree(directory: Path) -> None:
    """Make a directory, all files below it and all their names durable.

    A few at a time: what a file system writes down for one it then writes down for several.  Many files in
    one call, whatever else waits for the same disk: one after the other, 20,000 may take half a minute.
    """
    paths = list(_below(directory))
    if len(paths) > _MANY and sync_file_system(directory):
        return
    for _ in _flushers(os.getpid()).map(fsync_directory, paths):
        pass


def _below(directory: Path) -> Iterator[Path]:
    """Yield a directory and all folders and files below it, but for links."""
    for folder, _, names in os.walk(directory):
        paths = (Path(folder, name) for name in names)
        yield from (path for path in paths if path.is_file() and not path.is_symlink())
        yield Path(folder)


@lru_cache(maxsize=1)
def _flushers(process: int) -> ThreadPoolExecutor:
    """Return the threads that wait for the disk, of this process: a fork has none of its parent's."""
    return ThreadPoolExecutor(_AT_ONCE, f"fsync-{process}")


def publish(staged: Path, final: Path) -> None:
    """Give a whole directory its final name: fsync it, rename it, fsync the parents.

    Raises FileExistsError (or OSError ENOTEMPTY) where the name is taken: nothing is ever written over.
    """
    if final.exists():
        raise FileExistsError(f"{final} exists")
    final.parent.mkdir(parents=True, exist_ok=True)
    fsync_tree(staged)
    rename(staged, final)
    fsync_directory(final.parent)
