"""What lies in the cache: how much, when it was last used; and the way out of it."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import uuid
from pathlib import Path
from typing import Dict, Iterable, List

from worker_agent.cache.sidecars import look, mark_of, sidecar_of
from worker_agent.core.eviction import Entry
from worker_agent.protocol.layout import WorkLayout


class CacheContents:
    """The artefacts below `cache/`, whichever run brought them, as those that may have to leave."""

    def __init__(self, layout: WorkLayout, run_id: str) -> None:
        self._layout, self._run_id = layout, run_id
        self._sizes: Dict[str, int] = {}

    def hashes(self) -> List[str]:
        """Return the content hashes of the artefacts that are here."""
        try:
            return sorted(entry.name for entry in self._layout.cache.iterdir() if entry.is_dir())
        except FileNotFoundError:
            return []

    def entries(self) -> List[Entry]:
        """Return size and last use of all artefacts.  Raises OSError."""
        found = []
        for name in self.hashes():
            if name not in self._sizes:
                self._sizes[name] = sum(size for _, size, *_ in look(str(self._layout.cached(name))))
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
        sidecar = sidecar_of(self._layout, name)
        return sidecar if sidecar.exists() else self._layout.cached(name)

    def left_over(self) -> List[Path]:
        """Return what was taken out and not deleted.  Raises OSError."""
        folder = self._layout.evicted(self._run_id)
        return list(folder.iterdir()) if folder.is_dir() else []

    def evict(self, name: str) -> Path:
        """Take an artefact out and return where it lies, to be deleted.  Raises OSError."""
        gone = self._layout.evicted(self._run_id) / f"{name}.{uuid.uuid4().hex}"
        gone.parent.mkdir(parents=True, exist_ok=True)
        move(self._layout.cached(name), gone)
        sidecar_of(self._layout, name).unlink(missing_ok=True)
        mark_of(self._layout, name).unlink(missing_ok=True)
        return gone


def move(directory: Path, final: Path) -> None:
    """Rename a folder that may be read-only, which cannot be moved.  Raises OSError."""
    directory.chmod(directory.stat().st_mode | 0o200)
    directory.rename(final)


def own_files(directory: Path) -> None:
    """Let no file below a directory be another one's too: they are about to be written to.

    Raises OSError.
    """
    for folder, _, names in os.walk(str(directory)):
        for name in names:
            path = Path(folder, name)
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and status.st_nlink > 1:
                copy = path.with_name(f".{uuid.uuid4().hex}")
                shutil.copy2(str(path), str(copy))
                copy.replace(path)
