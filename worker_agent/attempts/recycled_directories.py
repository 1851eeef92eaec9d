"""Directories of jobs that have ended, made what they were: other jobs get them in place of new ones.

Where the disk discards what is deleted, directories cost more than starting a process, and short jobs leave
them faster than they can be deleted.  A recycled one is like a new one: names, links, modes, owners and what
files look like are compared, and only what nobody can still write to is kept (`Exit.traceless`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import stat
from dataclasses import dataclass
from typing import Dict, Iterator, List, Optional, Set, Tuple

from worker_agent.attempts import stamps
from worker_agent.attempts.private_copy import Difference, PrivateCopy, difference, restore
from worker_agent.attempts.stamps import Access, Stamps, access_of
from worker_agent.protocol.layout import AttemptLayout

_MOST = 256
_SMALL = 1 << 20
_NEW = AttemptLayout("")
_FOLDERS = {folder[1:] for folder in (_NEW.work, _NEW.output, _NEW.log_folder)}
Shown = Tuple[str, ...]
"""What a working directory shows: the mounts in words."""


@dataclass
class Made:
    """The working directory of an attempt, as it was made."""

    shown: Shown
    copy: PrivateCopy
    since_ns: int
    """When it was ready, in nanoseconds since 1970."""
    is_untouched: bool = False
    """Whether nothing had changed in it when the job had ended: nobody writes after that."""
    before: Optional[stamps.Before] = None
    """What all of the attempt's directory looked like then, where it was another attempt's before."""
    has_left_nothing: bool = False
    """Whether nothing had changed in all of that either, and the log was empty."""


def names_in(folder: str) -> Set[str]:
    """Return the names in a directory.  Raises OSError."""
    with os.scandir(folder) as entries:
        return {entry.name for entry in entries}


class RecycledAttempts:
    """Attempt directories by what their working directories show, made what they were."""

    def __init__(self) -> None:
        self._free: Dict[Shown, List[Tuple[str, PrivateCopy, Optional[Stamps]]]] = {}
        self._count = 0
        self._fresh: Access = (0, 0, 0)

    def learn(self, attempt: AttemptLayout) -> None:
        """Remember what new directories look like here."""
        if not self._fresh[0]:
            self._fresh = access_of(attempt.root)

    def keep(self, attempt: AttemptLayout, made: Made) -> Optional[List[str]]:
        """Take in a directory; return what its job left that is to be deleted.

        Returns None where it cannot be made what it was, or there are enough.
        """
        if self._count >= _MOST:
            return None
        if made.has_left_nothing and made.before:
            return self._take_in(attempt, made, made.before.stamps)
        waste = Waste(f"{attempt.root}.waste")
        try:
            if not self._is_sound(attempt):
                return None
            found = Difference() if made.is_untouched else difference(made.copy, attempt.work, made.since_ns)
            if len(found.added) + len(found.changed) + len(found.missing) > _MOST:
                return None
            for path in _left(attempt):
                waste.take(path)
            restore(made.copy, attempt.work, found, waste.take)
            looks = stamps.take(attempt.root, made.copy, made.before.stamps if made.before else None)
        except OSError:
            return None
        self._add(attempt, made, looks)
        return waste.folders

    def give(
        self, attempt: AttemptLayout, shown: Shown
    ) -> Optional[Tuple[PrivateCopy, Optional[stamps.Before]]]:
        """Give a kept directory to an attempt; None where there is none.  Raises OSError."""
        free = self._free.get(shown, [])
        while free:
            self._count -= 1
            folder, copy, looks = free.pop()
            with contextlib.suppress(FileNotFoundError):  # somebody has wiped the place
                _move(folder, attempt.root)
                return copy, stamps.before_start(attempt.root, looks)
        return None

    def paths(self) -> Iterator[str]:
        """Yield where all kept directories are."""
        for free in self._free.values():
            yield from (folder for folder, *_ in free)

    def _take_in(self, attempt: AttemptLayout, made: Made, looks: Stamps) -> Optional[List[str]]:
        """Take in a directory in which nothing is new but an empty log."""
        try:
            os.unlink(attempt.log)
        except OSError:
            return None
        self._add(attempt, made, looks)
        return []

    def _add(self, attempt: AttemptLayout, made: Made, looks: Optional[Stamps]) -> None:
        self._free.setdefault(made.shown, []).append((attempt.root, made.copy, looks))
        self._count += 1

    def _is_sound(self, attempt: AttemptLayout) -> bool:
        folders = (attempt.root, attempt.work, attempt.output, attempt.log_folder)
        return all(access_of(folder) == self._fresh for folder in folders)


class Waste:
    """Takes out of the way what is not needed any more: little at once, the rest to a folder."""

    def __init__(self, folder: str) -> None:
        self.folders: List[str] = []
        """The folder, once it is there."""
        self._folder = folder
        self._count = 0

    def take(self, path: str) -> None:
        """Remove whatever lies there.  Raises OSError."""
        status = os.lstat(path)
        if not stat.S_ISDIR(status.st_mode) and status.st_size <= _SMALL:
            os.unlink(path)
            return
        if not self.folders:
            os.mkdir(self._folder)
            self.folders.append(self._folder)
        self._count += 1
        os.rename(path, f"{self._folder}/{self._count}")


def _move(folder: str, root: str) -> None:
    """Give a directory its name; one that was made in vain may have it, as where a group could not begin."""
    try:
        os.rename(folder, root)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        shutil.rmtree(root)
        os.rename(folder, root)


def _left(attempt: AttemptLayout) -> Iterator[str]:
    """Yield what a job and its agent put beside the working directory."""
    yield from (f"{attempt.root}/{name}" for name in names_in(attempt.root) - _FOLDERS)
    for folder in (attempt.output, attempt.log_folder):
        yield from (f"{folder}/{name}" for name in names_in(folder))


class RecycledFolders:
    """Empty directories."""

    def __init__(self) -> None:
        self._free: List[stamps.Emptiness] = []
        self._given: Dict[str, stamps.Emptiness] = {}
        """Those in use that were another's before."""
        self._fresh: Access = (0, 0, 0)

    def __contains__(self, path: str) -> bool:
        return path in self.paths()

    def keep(self, folder: str) -> bool:
        """Take in a directory; False where it is not as it was made, or there are enough."""
        given = self._given.pop(folder, None)
        if len(self._free) >= _MOST:
            return False
        try:
            if given is None or not given.is_as_given():
                if access_of(folder) != self._fresh or names_in(folder):
                    return False
                given = stamps.Emptiness.of(folder, given)
        except OSError:
            return False
        self._free.append(given)
        return True

    def open(self, folder: str) -> None:
        """Make a directory, of a kept one where there is any.  Raises OSError."""
        while self._free:
            with contextlib.suppress(FileNotFoundError):  # somebody has wiped the place
                self._give(self._free.pop(), folder)
                return
        os.makedirs(folder)
        if not self._fresh[0]:
            self._fresh = access_of(folder)

    def paths(self) -> List[str]:
        """Return where all kept directories are."""
        return [kept.folder for kept in self._free]

    def _give(self, kept: stamps.Emptiness, folder: str) -> None:
        os.rename(kept.folder, folder)
        if len(self._given) >= _MOST:
            self._given.clear()  # of attempts in vain, which nobody gives back
        self._given[folder] = kept.moved_to(folder)
