"""Which agents of this machine lease what of the cache that they share.

`users/<run>` names what the agent of a run has leased, a content hash a line, and is locked as long as the
agent lives.  `cache.lock` is held by all while they begin to use something, and by one alone while it removes
what nobody uses.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from pathlib import Path
from typing import ContextManager, Iterator, List, Set

from worker_agent.protocol.layout import WorkLayout

_PATIENCE_S = 1.0
_LOOK_S = 0.01


def together(layout: WorkLayout) -> ContextManager[bool]:
    """Keep others from removing anything; yields False where they cannot be kept from it.  Raises OSError.

    Who removes things does so in a moment.
    """
    return _locked(layout, fcntl.LOCK_SH, _PATIENCE_S)


def alone(layout: WorkLayout, patience_s: float = 0.0) -> ContextManager[bool]:
    """Keep others from beginning to use anything; yields False where one is about to.  Raises OSError."""
    return _locked(layout, fcntl.LOCK_EX, patience_s)


@contextlib.contextmanager
def _locked(layout: WorkLayout, kind: int, patience_s: float) -> Iterator[bool]:
    with _opened(layout.cache_lock) as descriptor:
        deadline = time.monotonic() + patience_s
        while not _lock(descriptor, kind):
            if time.monotonic() >= deadline:
                yield False
                return
            time.sleep(_LOOK_S)
        yield True


class CacheLeases:
    """The leases of one agent, and how it learns of those of others."""

    def __init__(self, layout: WorkLayout, run_id: str) -> None:
        """Begin with nothing.  Raises OSError."""
        self.layout = layout
        self.names: Set[str] = set()
        self._path = layout.leases / run_id
        self._path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC
        with together(layout):  # who is alone may remove files that nobody has locked
            self._descriptor = os.open(str(self._path), flags, 0o600)
            _lock(self._descriptor, fcntl.LOCK_EX)

    def lease(self, name: str) -> bool:
        """Let nobody else remove an artefact, whether it is here already or comes later.  Raises OSError.

        Returns False where somebody removes things just now, perhaps this one: ask again.
        """
        if name in self.names:
            return True
        with together(self.layout) as is_kept:
            os.write(self._descriptor, f"{name}\n".encode())
        if is_kept:
            self.names.add(name)
        return is_kept

    def leased_by_others(self) -> Set[str]:
        """Return what the agents of other runs have leased, and forget ended ones.  To be called `alone`."""
        found: Set[str] = set()
        for path in self.layout.leases.iterdir():
            if path != self._path:
                found.update(_read(path))
        return found

    def close(self) -> None:
        """Let go of everything."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        os.close(self._descriptor)


def lives(path: Path) -> bool:
    """Return whether the agent lives whose leases a file has.  To be called `alone`.  Raises OSError."""
    descriptor = os.open(str(path), os.O_RDWR | os.O_CLOEXEC)
    try:
        return not _lock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)


def not_home_yet(layout: WorkLayout) -> Set[str]:
    """Return the base models that attempts of any run have made and that no master has released."""
    found: Set[str] = set()
    for attempt in layout.unreleased():
        with contextlib.suppress(OSError):
            found.add(os.path.basename(os.readlink(str(attempt.base_model))))  # noqa: PTH115, PTH119
    return found


def _read(path: Path) -> List[str]:
    """Return what an agent that lives has leased; remove the file of one that does not."""
    with _opened(path) as descriptor:
        if not _lock(descriptor, fcntl.LOCK_SH):
            return path.read_text().split()
        path.unlink()
        return []


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[int]:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
    try:
        descriptor = os.open(str(path), flags, 0o600)
    except FileNotFoundError:  # somebody has wiped the place
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(str(path), flags, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _lock(descriptor: int, kind: int) -> bool:
    """Return False where somebody else's lock is in the way.  Raises OSError where nothing can be locked."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
