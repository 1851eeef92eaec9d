"""Artefacts on this worker: nothing is used that was not verified, or that changed since."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import uuid
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Optional, Tuple

from worker_agent.core.eviction import Entry
from worker_agent.protocol.digests import (
    FileDigest,
    content_hash,
    digest_directory,
    publish,
    without_manifest,
)
from worker_agent.protocol.layout import WorkLayout
from worker_agent.protocol.whole_files import write_whole
from worker_agent.system.remove_tree import remove_tree

_PYCACHE = "__pycache__"
"""Python writes there next to the code it imports; its files are not part of an artefact."""

_READ_ONLY = 0o555

Stat = List[Tuple[str, int, int, int]]


class Cache:
    """The verified artefacts below `cache/`, shared by the agents of all runs of this user.

    Next to each directory lies `<hash>.stat.json`: path, size, mtime and inode of every file when it was
    hashed.  As long as they are the same, so is the content.
    """

    def __init__(self, layout: WorkLayout, run_id: str) -> None:
        self.layout = layout
        self.run_id = run_id
        self._places: Dict[str, Tuple[Path, Path]] = {}
        """The directory and the sidecar of each artefact that was asked for."""
        self.has_grown = True
        """Something has come since somebody looked."""
        self._sizes: Dict[str, int] = {}
        self._noted: Dict[str, Tuple[bytes, Stat]] = {}
        """What each sidecar said when it was last read, and what that means."""

    def path(self, name: str) -> Path:
        """Return where an artefact is, or would be."""
        return self.layout.cached(name)

    def hashes(self) -> List[str]:
        """Return the content hashes of the artefacts that are here."""
        folder = self.layout.cached("x").parent
        try:
            return sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
        except FileNotFoundError:
            return []

    def entries(self) -> List[Entry]:
        """Return size and last use of all artefacts.  Raises OSError."""
        found = []
        for name in self.hashes():
            if name not in self._sizes:
                self._sizes[name] = sum(size for _, size, *_ in _stat(str(self.layout.cached(name))))
            with contextlib.suppress(FileNotFoundError):  # another run's agent may have removed it
                found.append(Entry(name, self._sizes[name], self._mark_of(name).stat().st_mtime))
        return found

    def touch(self, names: Iterable[str]) -> None:
        """Note that artefacts are used now, those of them that are here."""
        for name in names:
            with contextlib.suppress(OSError):
                os.utime(str(self._mark_of(name)))

    def _mark_of(self, name: str) -> Path:
        """Return whose time tells when an artefact was last used."""
        sidecar = self._sidecar(name)
        return sidecar if sidecar.exists() else self.layout.cached(name)

    def left_over(self) -> List[Path]:
        """Return what was taken out and not deleted.  Raises OSError."""
        folder = self.layout.evicted(self.run_id)
        return list(folder.iterdir()) if folder.is_dir() else []

    def evict(self, name: str) -> Path:
        """Take an artefact out and return where it lies, to be deleted.  Raises OSError."""
        gone = self.layout.evicted(self.run_id) / f"{name}.{uuid.uuid4().hex}"
        gone.parent.mkdir(parents=True, exist_ok=True)
        _move(self.layout.cached(name), gone)
        self._sidecar(name).unlink(missing_ok=True)
        return gone

    def status(self, name: str) -> str:
        """Return `present`, `missing`, or `unsure` where it must be hashed before use."""
        if name not in self._places:
            self._places[name] = self.layout.cached(name), self._sidecar(name)
        final, sidecar = self._places[name]
        if not final.is_dir():
            return "missing"
        try:
            return "present" if self._note(name, sidecar) == _stat(str(final)) else "unsure"
        except (OSError, ValueError, TypeError):
            return "unsure"

    def _note(self, name: str, sidecar: Path) -> Stat:
        """Return what the sidecar says, which is read at every start of a job but seldom changes."""
        text = sidecar.read_bytes()
        if name not in self._noted or self._noted[name][0] != text:
            self._noted[name] = text, [tuple(row) for row in json.loads(text)]
        return self._noted[name][1]

    def verify_delivered(self, name: str) -> Optional[str]:
        """Check what was delivered and publish it; return what is wrong with it, None when it is fine."""
        staged = self.layout.incoming(self.run_id, name)
        if self.status(name) == "present":
            remove_tree(staged)
            return None
        if not staged.is_dir():
            return f"{staged} is not a directory"
        problem = self._check(staged, name)
        if problem:
            self._set_aside(staged, name)
            return problem
        return self._publish(staged, name)

    def verify_cached(self, name: str) -> Optional[str]:
        """Hash what is in the cache; return what is wrong with it, None when it is fine."""
        final = self.layout.cached(name)
        problem = self._check(final, name)
        if problem and final.is_dir():
            self._set_aside(final, name)
        return problem

    def take(self, name: str, target: Path) -> None:
        """Move an artefact out of the cache, to be written to.  Raises OSError."""
        self._sidecar(name).unlink(missing_ok=True)
        _move(self.layout.cached(name), target)
        for path in _everything(target):
            path.chmod(path.stat().st_mode | 0o200)

    def adopt(self, directory: Path) -> Tuple[str, List[FileDigest]]:
        """Digest a directory that was made here, and move it into the cache; return its hash and files.

        Raises OSError where that fails.
        """
        files = digest_directory(directory)
        name = content_hash(files)
        if self.status(name) == "present":
            shutil.rmtree(str(directory))
        else:
            self._seal(directory, name)
            problem = self._publish(directory, name)
            if problem:
                raise OSError(errno.EIO, problem)
        return name, files

    def _publish(self, staged: Path, name: str) -> Optional[str]:
        """Give a verified directory its place; what is there already, whole, is kept."""
        final = self.layout.cached(name)
        try:
            if final.is_dir() and self.verify_cached(name) is None:
                remove_tree(staged)
            else:
                publish(staged, final)
                # Not before: a folder that may not be written to cannot be moved either.
                final.chmod(final.stat().st_mode & _READ_ONLY)
                self.has_grown = True
        except OSError as error:
            if not final.is_dir():
                return f"cannot publish {staged}: {error.strerror or error}"
            remove_tree(staged)  # another run was faster
            return self.verify_cached(name)
        return None

    def _check(self, directory: Path, name: str) -> Optional[str]:
        try:
            before = _stat(str(directory))
            problem = _difference(digest_directory(directory), name)
            if problem is None and before != _stat(str(directory)):
                problem = "changed while it was being checked"
            if problem is None:
                self._seal(directory, name)
        except OSError as error:
            return f"cannot check {directory}: {error.strerror}"
        return problem

    def _seal(self, directory: Path, name: str) -> None:
        """Take write permission from files and folders below, and note what the files look like."""
        for path in _everything(directory):
            if _PYCACHE not in (path.name, path.parent.name):
                path.chmod(path.stat().st_mode & _READ_ONLY)
        sidecar = json.dumps(_stat(str(directory))).encode()
        write_whole(self._sidecar(name), sidecar, durable=False)

    def _set_aside(self, directory: Path, name: str) -> None:
        aside = self.layout.set_aside(name)
        remove_tree(aside)
        aside.parent.mkdir(parents=True, exist_ok=True)
        _move(directory, aside)

    def _sidecar(self, name: str) -> Path:
        return self.layout.cached(name).with_name(f"{name}.stat.json")


def _everything(directory: Path) -> Iterator[Path]:
    """Yield all files and folders below a directory, but no links."""
    for folder, folders, names in os.walk(str(directory)):
        paths = (Path(folder, name) for name in (*folders, *names))
        yield from (path for path in paths if not path.is_symlink())


def _move(directory: Path, final: Path) -> None:
    """Rename a folder that may be read-only, which cannot be moved.  Raises OSError."""
    directory.chmod(directory.stat().st_mode | 0o200)
    directory.rename(final)


def _stat(directory: str) -> Stat:
    return sorted(_rows(directory, ""))


def _rows(folder: str, prefix: str) -> Iterator[Tuple[str, int, int, int]]:
    """Yield what the files below a folder look like; links to directories are not followed."""
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if _is_folder(entry):
            if entry.name != _PYCACHE and not entry.is_symlink():
                yield from _rows(entry.path, f"{prefix}{entry.name}/")
        elif _is_file(entry):
            status = entry.stat()
            yield f"{prefix}{entry.name}", status.st_size, status.st_mtime_ns, status.st_ino


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _is_file(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_file()
    except OSError:
        return False  # a link that leads to itself, or to where we may not look


def _difference(files: List[FileDigest], name: str) -> Optional[str]:
    found = content_hash(files)
    own = [item for item in files if _PYCACHE not in item.path.split("/")]
    if name in (found, content_hash(own), content_hash(without_manifest(own))):
        return None
    return f"its content hash is {found}, of {len(files)} files, instead of {name}"
