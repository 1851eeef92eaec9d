"""Makes what a job left fit to travel: links become what they point to, and what stays behind is noted."""

from __future__ import annotations

import errno
import os
import stat
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Dict, FrozenSet, Iterator, List, Set, Tuple

from worker_agent.attempts.private_copy import CACHES
from worker_agent.protocol.outcome import LeftOut
from worker_agent.protocol.sparse_files import copy_file
from worker_agent.protocol.terms import CollectRules
from worker_agent.system.remove_tree import remove_tree

LINKED_BYTES = 2 << 30
"""A link to a folder with more in it is taken for a link to data."""
MOST_LEFT_OUT = 200
"""What is left out beyond this is counted."""
_KINDS = {
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Gathering:
    """Sees to files, folders and links where they lie; what does not come home is removed there."""

    def __init__(self, rules: CollectRules, data: FrozenSet[str] = frozenset()) -> None:
        """`data` are the real paths of folders that were there before any job."""
        self._rules, self._data = rules, data
        self._reasons: Dict[str, str] = {}
        self._more = 0
        self._matched: Set[str] = set()

    def settle(self, path: str, name: str) -> bool:
        """Make what lies at `path` fit to travel as `name`; False where it does not come.  Raises OSError."""
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            return self._settle_link(path, name)
        _open_up(path, status)
        if not stat.S_ISDIR(status.st_mode):
            return self._may_come(status, name) or self._drop(path)
        if os.path.basename(path) in CACHES:
            return self._drop(path)
        for entry in _names(path):
            self.settle(f"{path}/{entry}", f"{name}/{entry}" if name else entry)
        return True

    def leave(self, name: str, reason: str) -> None:
        """Note that something does not come home."""
        if len(self._reasons) < MOST_LEFT_OUT:
            self._reasons.setdefault(name, reason)
        else:
            self._more += 1

    def left_out(self) -> List[LeftOut]:
        """Return what does not come home, and patterns that fitted nothing."""
        found = [LeftOut(name, reason) for name, reason in self._reasons.items()]
        if self._more:
            found.append(LeftOut("…", f"and {self._more} more"))
        unused = [text for text in self._rules.include if text not in self._matched]
        return found + [LeftOut(text, "nothing fits this pattern of collect.include") for text in unused]

    def _may_come(self, status: os.stat_result, name: str) -> bool:
        reason = _KINDS.get(stat.S_IFMT(status.st_mode)) or self._ruled_out(name, status.st_size)
        if reason:
            self.leave(name, reason)
        return not reason

    def _ruled_out(self, name: str, size: int) -> str:
        included = [text for text in self._rules.include if fits(name, text)]
        self._matched.update(included)
        if self._rules.include and not included:
            return "not in collect.include"
        for text in self._rules.exclude:
            if fits(name, text):
                return f"excluded by {text!r} of collect.exclude"
        if self._rules.max_bytes is not None and size > self._rules.max_bytes:
            return f"{size:,} bytes, more than collect.max_size"
        return ""

    def _drop(self, path: str) -> bool:
        if os.path.isdir(path) and not os.path.islink(path):
            remove_tree(Path(path))
        else:
            os.unlink(path)
        return False

    # --- links

    def _settle_link(self, path: str, name: str) -> bool:
        copy = f"{os.path.dirname(path)}/.{os.path.basename(path)}.twophase-copy"
        came = self._is_small(path, name) and self._copy(path, copy, name, ())
        os.unlink(path)
        if came:
            os.rename(copy, path)
        return came

    def _is_small(self, path: str, name: str) -> bool:
        """Return whether what is behind a link can be results, and not data."""
        target = os.path.realpath(path)
        if not os.path.isdir(target):
            return True
        if any(_is_within(target, folder) for folder in self._data):
            self.leave(name, f"a link to data on the worker: {target}")
        elif _is_within(path, target):
            self.leave(name, f"a link to a folder that it lies in: {target}")
        elif _holds_more_than(target, LINKED_BYTES):
            self.leave(name, f"a link to a folder of more than {LINKED_BYTES >> 30} GiB: {target}")
        else:
            return True
        return False

    def _copy(self, source: str, target: str, name: str, above: Tuple[str, ...]) -> bool:
        """Copy what is behind a path, links in it followed; `above` are the folders that are being copied."""
        try:
            status = os.stat(source)
        except OSError:
            self.leave(name, f"a link to nothing: {_pointed_to(source)}")
            return False
        if not stat.S_ISDIR(status.st_mode):
            if not self._may_come(status, name):
                return False
            copy_file(source, target)
            return True
        real = os.path.realpath(source)
        if real in above:
            self.leave(name, f"a link to a folder that it lies in: {real}")
            return False
        os.mkdir(target)
        for entry in _names(source):
            if entry not in CACHES:
                self._copy(f"{source}/{entry}", f"{target}/{entry}", f"{name}/{entry}", (*above, real))
        return True


def _open_up(path: str, status: os.stat_result) -> None:
    """Let the owner read what a job has closed even to him.  Raises OSError."""
    needed = {stat.S_IFDIR: stat.S_IRWXU, stat.S_IFREG: stat.S_IRUSR}.get(stat.S_IFMT(status.st_mode), 0)
    if status.st_mode & needed != needed:
        os.chmod(path, stat.S_IMODE(status.st_mode) | needed)


def not_a_link(folder: str) -> None:
    """Raise OSError for a folder that the job has replaced by a link: what that points to is not its own."""
    if os.path.islink(folder):
        raise NotADirectoryError(errno.ENOTDIR, "the job has put a link in its place", folder)


def follow_links(folder: str) -> List[LeftOut]:
    """Make what they point to of all links below a folder; return what that was not possible for.

    Raises OSError.
    """
    not_a_link(folder)
    gathering = Gathering(CollectRules())
    gathering.settle(folder, "")
    return gathering.left_out()


def fits(name: str, pattern: str) -> bool:
    """Return whether a path is meant by a pattern of `CollectRules`, itself or by a folder that it is in."""
    pattern = pattern.rstrip("/")
    if "/" not in pattern:
        return any(fnmatchcase(part, pattern) for part in name.split("/"))
    return fnmatchcase(name, pattern) or fnmatchcase(name, f"{pattern}/*")


def empty_folders(directory: str) -> Iterator[str]:
    """Yield the folders below a directory in which nothing is, by their paths from there."""
    for folder, folders, files in os.walk(directory):
        if not folders and not files and folder != directory:
            yield os.path.relpath(folder, directory)


def _names(folder: str) -> List[str]:
    return sorted(os.listdir(folder))


def _is_within(path: str, folder: str) -> bool:
    """Return whether a path, itself not followed, is a folder or below it; the folder's path is real."""
    real = f"{os.path.realpath(os.path.dirname(path))}/{os.path.basename(path)}"
    return real == folder or real.startswith(f"{folder}/")


def _holds_more_than(folder: str, most: int) -> bool:
    size = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                size += os.stat(f"{parent}/{name}").st_size
            except OSError:
                continue
            if size > most:
                return True
    return False


def _pointed_to(path: str) -> str:
    return os.readlink(path) if os.path.islink(path) else path
