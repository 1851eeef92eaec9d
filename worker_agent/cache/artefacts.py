"""Artefacts on this worker: nothing is used that was not verified, or that changed since."""

from __future__ import annotations

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Collection, Dict, Iterator, List, Optional, Tuple

from worker_agent.cache.contents import CacheContents, move, own_files
from worker_agent.cache.inspections import Inspections
from worker_agent.cache.sidecars import PYCACHE, Stat, look, sidecar_of
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

_READ_ONLY = 0o555
_CANNOT_CHECK = "cannot check"
"""So begins what is said of an artefact that may be sound: the note beside it could not be written, say."""
NOT_THERE = (
    "is not there, where it was sent: the `work_dir` of a pool has to lie on a disk that its login host and"
    " nodes share"
)
LOOK_S = 600.0
"""So long an artefact that was hashed is trusted, when jobs fail: many may fail at once."""


class Cache:
    """The verified artefacts below `cache/`, shared by the agents of all runs of this user.

    A sidecar beside each tells what its files looked like when they were hashed.
    """

    def __init__(self, layout: WorkLayout, run_id: str) -> None:
        self.layout = layout
        self.run_id = run_id
        self.contents = CacheContents(layout, run_id)
        self._places: Dict[str, Tuple[Path, Path]] = {}
        """The directory and the sidecar of each artefact that was asked for."""
        self.has_grown = True
        """Something has come since somebody looked."""
        self.inspections = Inspections()
        self._noted: Dict[str, Tuple[bytes, Stat]] = {}
        """What each sidecar said when it was last read, and what that means."""

    def path(self, name: str) -> Path:
        """Return where an artefact is, or would be."""
        return self._places_of(name)[0]

    def _places_of(self, name: str) -> Tuple[Path, Path]:
        if name not in self._places:
            self._places[name] = self.layout.cached(name), sidecar_of(self.layout, name)
        return self._places[name]

    def status(self, name: str) -> str:
        """Return `present`, `missing`, or `unsure` where it must be hashed before use."""
        final, sidecar = self._places_of(name)
        if not final.is_dir():
            return "missing"
        try:
            return "present" if self._note(name, sidecar) == look(str(final)) else "unsure"
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
        if self._is_sound(name):
            remove_tree(staged)
            return None
        if not staged.is_dir():
            return f"{staged} {NOT_THERE}"
        problem = self._check(staged, name)
        if problem:
            self._set_aside(staged, name)
            return problem
        problem = self._publish(staged, name)
        if problem is None:
            self.inspections.note_sound(name)
        return problem

    def verify_cached(self, name: str) -> Optional[str]:
        """Hash what is in the cache; return what is wrong with it, None when it is fine."""
        final = self.layout.cached(name)
        problem = self._check(final, name)
        if problem is None:
            self.inspections.note_sound(name)
        elif final.is_dir() and not problem.startswith(_CANNOT_CHECK):
            self.inspections.note(name, problem)
            self._set_aside(final, name)
        return problem

    def take(self, name: str, target: Path) -> None:
        """Move an artefact out of the cache, to be written to, all at once.  Raises OSError."""
        taken = self.contents.evict(name)
        for path in _everything(taken):
            if path.is_dir():
                path.chmod(path.stat().st_mode | 0o200)
        own_files(taken)
        for path in _everything(taken):
            path.chmod(path.stat().st_mode | 0o200)
        taken.rename(target)

    def adopt(self, directory: Path) -> Tuple[str, List[FileDigest]]:
        """Digest a directory that was made here, and move it into the cache; return its hash and files.

        Raises OSError where that fails.
        """
        files = digest_directory(directory)
        name = content_hash(files)
        if self._is_sound(name):
            shutil.rmtree(str(directory))
        else:
            self._seal(directory, name)
            problem = self._publish(directory, name)
            if problem:
                raise OSError(errno.EIO, problem)
        self.inspections.note_sound(name)
        return name, files

    def _is_sound(self, name: str) -> bool:
        """Return whether the cache has an artefact, hashed now: another copy of it is about to be deleted."""
        return self.status(name) == "present" and self.verify_cached(name) is None

    def rotten(self, names: Collection[str], every_s: float = LOOK_S, ran_s: float = 0.0) -> List[str]:
        """Hash artefacts that are here, but for those that were lately; return what is wrong with which.

        What is not what it should be is set aside, to be wanted again.  What somebody found so in the last
        `ran_s` seconds is told as well: an attempt that had begun by then has used it.
        """
        since = self.inspections.clock() - ran_s
        for name in names:
            with self.inspections.one_at_a_time(name):
                if self.inspections.is_due(name, every_s) and self.path(name).is_dir():
                    problem = rot_of(self.path(name), name)
                    self.inspections.note(name, problem)
                    if problem:
                        self._set_aside(self.path(name), name)
        return self.inspections.found(names, since)

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
            before = look(str(directory))
            problem = _difference(digest_directory(directory), name)
            if problem is None and before != look(str(directory)):
                problem = "changed while it was being checked"
            if problem is None:
                self._seal(directory, name)
        except OSError as error:
            return f"{_CANNOT_CHECK} {directory}: {error.strerror}"
        return problem

    def _seal(self, directory: Path, name: str) -> None:
        """Take write permission from files and folders below, and note what the files look like."""
        for path in _everything(directory):
            if PYCACHE not in (path.name, path.parent.name):
                path.chmod(path.stat().st_mode & _READ_ONLY)
        sidecar = json.dumps(look(str(directory))).encode()
        write_whole(sidecar_of(self.layout, name), sidecar, durable=False)

    def _set_aside(self, directory: Path, name: str) -> None:
        aside = self.layout.set_aside(name)
        remove_tree(aside)
        aside.parent.mkdir(parents=True, exist_ok=True)
        move(directory, aside)


def _everything(directory: Path) -> Iterator[Path]:
    """Yield all files and folders below a directory, but no links."""
    for folder, folders, names in os.walk(str(directory)):
        paths = (Path(folder, name) for name in (*folders, *names))
        yield from (path for path in paths if not path.is_symlink())


def rot_of(directory: Path, name: str) -> Optional[str]:
    """Return what is wrong with the bytes of an artefact; what cannot be read now is no rot."""
    try:
        return _difference(digest_directory(directory), name)
    except OSError as error:
        return f"cannot be read: {error.strerror}" if error.errno == errno.EIO else None


def _difference(files: List[FileDigest], name: str) -> Optional[str]:
    found = content_hash(files)
    own = [item for item in files if PYCACHE not in item.path.split("/")]
    if name in (found, content_hash(own), content_hash(without_manifest(own))):
        return None
    return f"its content hash is {found}, of {len(files)} files, instead of {name}"
