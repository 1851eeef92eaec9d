"""How processes ended: a line each, by who reaped them, for an agent that comes after who started them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Collection, Dict, Iterator, Tuple

from worker_agent.system import processes

_APPEND = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_LINE = b'{"pid": %d, "start_ticks": %d, "end_ticks": %d, "status": %d, "peak_rss_bytes": %d}\n'
_MANY_BYTES = 256 * 1024
"""Two thousand ends."""
Identity = Tuple[int, int]
"""A pid, and the clock ticks at which it was started: no two processes of one boot have both."""


@dataclass(frozen=True)
class Ended:
    """The end of a process."""

    pid: int
    start_ticks: int
    end_ticks: int
    status: int
    """As `os.wait4` tells it."""
    peak_rss_bytes: int
    """0 where that is not known."""


def reap() -> Ended:
    """Wait for a child to end.  Raises ChildProcessError where there is none."""
    waited = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    assert waited is not None
    ended = seen(waited)
    _, _, usage = os.wait4(waited.si_pid, 0)
    return replace(ended, peak_rss_bytes=usage.ru_maxrss * 1024)


def seen(waited: os.waitid_result, start_ticks: int = -1) -> Ended:
    """Return the end of a child that has not been reaped yet; how large it was is not known before.

    The kernel is asked when it was started, unless the `start_ticks` are known.
    """
    status = waited.si_status << 8 if waited.si_code == os.CLD_EXITED else waited.si_status
    began = processes.start_ticks_of(waited.si_pid) if start_ticks < 0 else start_ticks
    return Ended(waited.si_pid, began, processes.ticks(), status, 0)


def note(path: Path, ended: Ended) -> None:
    """Write an end down.  What cannot be written is not: the attempt is lost then."""
    with contextlib.suppress(OSError), _held(path) as descriptor:
        os.write(descriptor, _line(ended))


class OwnEnds:
    """The file, held open where it is this process that forgets ends, if any does: noting one is quick."""

    def __init__(self, path: Path) -> None:
        self._path, self._descriptor = path, -1

    def note(self, ended: Ended) -> None:
        """Write an end down.  What cannot be written is not: the attempt is lost then."""
        with contextlib.suppress(OSError):
            if self._descriptor >= 0 and not os.fstat(self._descriptor).st_nlink:
                self.close()  # somebody has removed it: the next agent would read nothing there
            if self._descriptor < 0:
                self._descriptor = os.open(str(self._path), _APPEND, 0o600)
            os.write(self._descriptor, _line(ended))

    def are_many(self) -> bool:
        """Return whether so much is written down that what nobody needs any more should go."""
        return are_many(self._path)

    def keep_only(self, pids: Collection[int]) -> None:
        """Forget the ends of all processes but these.  Where that cannot be, all stay."""
        self.close()  # another file has the name then
        keep_only(self._path, pids)

    def close(self) -> None:
        """Hold the file open no longer; the next note opens it again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def read(path: Path) -> Dict[Identity, Ended]:
    """Return what was written down; a line that is not whole is left out."""
    found: Dict[Identity, Ended] = {}
    with contextlib.suppress(OSError):
        for line in path.read_bytes().split(b"\n")[:-1]:
            with contextlib.suppress(ValueError, TypeError):
                ended = Ended(**json.loads(line.decode()))
                found[ended.pid, ended.start_ticks] = ended
    return found


def are_many(path: Path) -> bool:
    """Return whether so much is written down that what nobody needs any more should go."""
    try:
        return path.stat().st_size > _MANY_BYTES
    except OSError:
        return False


def keep_only(path: Path, pids: Collection[int]) -> None:
    """Forget the ends of all processes but these.  Where that cannot be, all stay."""
    with contextlib.suppress(OSError), _held(path):
        kept = (_line(ended) for ended in read(path).values() if ended.pid in pids)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(b"".join(kept))
        fresh.replace(path)


@contextlib.contextmanager
def _held(path: Path) -> Iterator[int]:
    """Yield a descriptor to append by; nobody writes or replaces the file meanwhile.  Raises OSError."""
    while True:
        descriptor = os.open(str(path), _APPEND, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                yield descriptor
                return
        finally:
            os.close(descriptor)


def _line(ended: Ended) -> bytes:
    numbers = (ended.pid, ended.start_ticks, ended.end_ticks, ended.status, ended.peak_rss_bytes)
    return _LINE % numbers


def exit_code(status: int) -> int:
    """Return the exit code of a status; negative: ended by that signal."""
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
