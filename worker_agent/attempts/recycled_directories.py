"""Directories of jobs that left them as they had found them: other jobs get them in place of new ones.

Where the disk discards what is deleted, directories cost more than starting a process, and short jobs leave
them faster than they can be deleted.  A spare is like a new one: names, links, modes and owners are compared,
and only what nobody can still write to is kept (`Exit.traceless`).
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Set, Tuple

from worker_agent.attempts.launch import Tree
from worker_agent.protocol.layout import AttemptLayout

_MOST = 256
_NEW = AttemptLayout(Path("/"))
_FOLDERS = {folder.name for folder in (_NEW.work, _NEW.output, _NEW.log_folder)}
_LOGS = {_NEW.log.name}
Looks = Tuple[int, int, int]
Shown = Tuple[Tuple[str, str], ...]
"""Names in a working directory, and what they link to."""


def looks_of(folder: str) -> Looks:
    """Return what is to be seen of a directory apart from its entries.  Raises OSError."""
    status = os.lstat(folder)
    return status.st_mode, status.st_uid, status.st_gid


def move(folder: Path, final: Path) -> None:
    """Give a directory another name, without the new `Path` that `Path.rename` makes.  Raises OSError."""
    os.rename(str(folder), str(final))  # noqa: PTH104


def names_in(folder: str) -> Set[str]:
    """Return the names in a directory.  Raises OSError."""
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries}


def is_flat(tree: Tree) -> bool:
    """Return whether a working directory shows links only."""
    return all(isinstance(target, Path) for target in tree.values())


def shown_by(tree: Tree) -> Shown:
    """Return what a flat tree shows."""
    return tuple((name, str(target)) for name, target in tree.items())


class SpareAttempts:
    """Attempt directories without files, by what their working directories show."""

    def __init__(self) -> None:
        self._free: Dict[Shown, List[Path]] = {}
        self._count = 0
        self._fresh: Looks = (0, 0, 0)

    def learn(self, attempt: AttemptLayout) -> None:
        """Remember what new directories look like here."""
        if not self._fresh[0]:
            self._fresh = looks_of(str(attempt.root))

    def keep(self, attempt: AttemptLayout, shown: Shown) -> bool:
        """Take in an attempt's directory; False where it is not as it was made, or there are enough."""
        if self._count >= _MOST:
            return False
        try:
            if not self._is_as_made(attempt, shown):
                return False
            # A new one, for whoever still has this one open.
            attempt.log.unlink()
        except OSError:
            return False
        self._free.setdefault(shown, []).append(attempt.root)
        self._count += 1
        return True

    def give(self, attempt: AttemptLayout, shown: Shown) -> bool:
        """Make a spare the directory of an attempt; False where there is none.  Raises OSError."""
        free = self._free.get(shown)
        if not free:
            return False
        self._count -= 1
        move(free.pop(), attempt.root)
        return True

    def paths(self) -> Iterator[Path]:
        """Yield where all spares are."""
        for free in self._free.values():
            yield from free

    def _is_as_made(self, attempt: AttemptLayout, shown: Shown) -> bool:
        root, work, output, log = map(str, (attempt.root, attempt.work, attempt.output, attempt.log))
        log_folder = str(attempt.log_folder)
        if names_in(root) != _FOLDERS or names_in(output) or names_in(log_folder) != _LOGS:
            return False
        if any(looks_of(folder) != self._fresh for folder in (root, work, output, log_folder)):
            return False
        status = os.lstat(log)
        return stat.S_ISREG(status.st_mode) and not status.st_size and _shows(work, dict(shown))


def _shows(work: str, shown: Mapping[str, str]) -> bool:
    if names_in(work) != shown.keys():
        return False
    # Path.readlink is there from Python 3.9 on.
    return all(os.readlink(f"{work}/{name}") == target for name, target in shown.items())  # noqa: PTH115


class SpareFolders:
    """Empty directories."""

    def __init__(self) -> None:
        self._free: List[Path] = []
        self._fresh: Looks = (0, 0, 0)

    def __contains__(self, path: Path) -> bool:
        return path in self._free

    def keep(self, folder: Path) -> bool:
        """Take in a directory; False where it is not as it was made, or there are enough."""
        if len(self._free) >= _MOST:
            return False
        try:
            if looks_of(str(folder)) != self._fresh or names_in(str(folder)):
                return False
        except OSError:
            return False
        self._free.append(folder)
        return True

    def open(self, folder: Path) -> None:
        """Make a directory, of a spare where there is one.  Raises OSError."""
        if self._free:
            move(self._free.pop(), folder)
            return
        folder.mkdir(parents=True)
        if not self._fresh[0]:
            self._fresh = looks_of(str(folder))

    def paths(self) -> List[Path]:
        """Return where all spares are."""
        return list(self._free)
