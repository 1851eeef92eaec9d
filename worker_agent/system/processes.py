"""What `/proc` tells about processes."""

from __future__ import annotations

import contextlib
import os
import pwd
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Optional

PROC = Path("/proc")
_SET_CHILD_SUBREAPER, _GET_CHILD_SUBREAPER = 36, 37
_READ_BYTES = 1 << 16
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
"""Of the clock that `start_ticks` is read from."""


@dataclass(frozen=True)
class Process:
    """One line of `/proc/<pid>/stat`."""

    pid: int
    state: str
    """`Z` has ended and only waits to be reaped."""
    group: int
    session: int
    start_ticks: int
    """Clock ticks from boot to start: with the pid and the boot id, the identity of a process."""
    parent: int = 0

    @property
    def alive(self) -> bool:
        return self.state not in "ZX"


def read_process(pid: int) -> Optional[Process]:
    """Return the process of a pid, None when there is none."""
    words = _stat_of(pid)
    if words is None:
        return None
    parent, group, session, start_ticks = (int(words[place]) for place in (1, 2, 3, 19))
    return Process(pid, words[0].decode(), group, session, start_ticks, parent)


def start_ticks_of(pid: int) -> int:
    """Return when a process was started, in ticks since the boot; -1 when there is none."""
    words = _stat_of(pid)
    return -1 if words is None else int(words[19])


def _stat_of(pid: int) -> Optional[List[bytes]]:
    """Return what the kernel says of a process, from its state on; None when there is none."""
    try:
        text = _read(f"{PROC}/{pid}/stat", once=True)
    except OSError:
        return None
    # The program's name is in parentheses and may itself hold spaces and parentheses.
    return text.rpartition(b")")[2].split(None, 20)


def processes() -> Iterator[Process]:
    """Yield every process of this machine that can be seen."""
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            process = read_process(int(entry.name))
            if process:
                yield process


def _read(path: str, once: bool = False) -> bytes:
    """Return what a file of `/proc` says: `once` where it is a line, which comes whole.  Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = part = os.read(descriptor, _READ_BYTES)
        while part and not once:
            part = os.read(descriptor, _READ_BYTES)
            text += part
        return text
    finally:
        os.close(descriptor)


def ancestors(pid: int) -> Iterator[int]:
    """Yield the parent of a process, its parent, and so on."""
    process = read_process(pid)
    while process and process.parent:
        yield process.parent
        process = read_process(process.parent)


def name_of(pid: int) -> bytes:
    """Return what a process is called, at most 15 bytes; empty when there is none."""
    try:
        return (PROC / str(pid) / "comm").read_bytes().rstrip(b"\n")
    except OSError:
        return b""


def session_of(pid: int) -> Optional[int]:
    """Return the session of a process, None when there is no such process."""
    process = read_process(pid)
    return process.session if process else None


def owner_of(pid: int) -> Optional[int]:
    """Return the user id of a process, None when there is no such process."""
    try:
        return (PROC / str(pid)).stat().st_uid
    except OSError:
        return None


def user_of(pid: int) -> str:
    """Return the name of a process's user, his number where he has none; empty for no such process."""
    uid = owner_of(pid)
    try:
        return "" if uid is None else pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"


def environment_of(pid: int) -> List[bytes]:
    """Return the assignments that a process was started with; nothing where they cannot be read."""
    try:
        return _read(f"{PROC}/{pid}/environ").split(b"\0")
    except OSError:
        return []


def environment_has(pid: int, assignment: bytes, whole: bool = True) -> bool:
    """Return whether a process was started with `NAME=value`, or one that begins so, in its environment."""
    entries = environment_of(pid)
    return assignment in entries if whole else any(entry.startswith(assignment) for entry in entries)


def command_of(pid: int) -> str:
    """Return the command line of a process on one line, empty when there is none to be had."""
    try:
        shown = (PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return ""
    return " ".join(shown.replace(b"\0", b" ").decode("utf-8", "replace").split())


def is_becoming(pid: int) -> bool:
    """Return whether a process lives and shows no environment, as all do for a moment while they start."""
    try:
        shown = _read(f"{PROC}/{pid}/environ")
    except OSError:
        return False
    process = None if shown else read_process(pid)
    return process is not None and process.alive


def children(thread: Optional[int] = None) -> Iterator[int]:
    """Yield the children that the main thread of this process, or another, has started or inherited.

    Nothing where the kernel does not tell.
    """
    pid = os.getpid()
    try:
        yield from map(int, _read(f"{PROC}/{pid}/task/{thread or pid}/children").split())
    except OSError:
        return


class Children:
    """The children of the main thread of this process, asked often: the kernel's file is held open."""

    def __init__(self) -> None:
        pid = os.getpid()
        try:
            self._descriptor = os.open(f"{PROC}/{pid}/task/{pid}/children", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._descriptor = -1

    def pids(self) -> List[int]:
        """Return those that it has started or inherited; nothing where the kernel does not tell."""
        text = b""
        with contextlib.suppress(OSError):
            while part := os.pread(self._descriptor, _READ_BYTES, len(text)):
                text += part
        return list(map(int, text.split()))

    def close(self) -> None:
        """Hold the file open no longer."""
        if self._descriptor >= 0:
            os.close(self._descriptor)


def every_child() -> Iterator[int]:
    """Yield the children of all threads of this process; nothing where the kernel does not tell."""
    for thread in (PROC / str(os.getpid()) / "task").glob("[0-9]*"):
        yield from children(int(thread.name))


def adopt_orphans() -> bool:
    """Become the parent of descendants whose own parent ends; return whether that can be had here."""
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        # Some Pythons are built without ctypes.
        return False


def sees_orphans() -> bool:
    """Return whether descendants whose parents ended are among `children`, as long as they live."""
    try:
        import ctypes

        found = ctypes.c_int()
        ctypes.CDLL(None).prctl(_GET_CHILD_SUBREAPER, ctypes.byref(found), 0, 0, 0)
    except (ImportError, OSError, AttributeError):
        return False
    return bool(found.value) and Path(f"{PROC}/{os.getpid()}/task/{os.getpid()}/children").exists()


def signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group.  Return whether it still has members, be they only zombies."""
    try:
        os.killpg(group, number)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def group_alive(group: int) -> bool:
    """Return whether any process of a group runs: zombies do not count, some containers never reap them."""
    if not signal_group(group, 0):
        return False
    return any(process.group == group and process.alive for process in processes())


def ticks() -> int:
    """Return the clock that `start_ticks` is read from."""
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * TICKS_PER_S)


def kill(pid: int) -> None:
    """End a process at once; it may be gone already."""
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return


def boot_id() -> str:
    """Return what the kernel calls this boot; empty where it does not tell."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""
