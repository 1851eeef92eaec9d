"""The lock of a run directory: one master at a time works in it."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from master.errors import UsageError
from master.storage.run_layout import RunLayout
from worker_agent.protocol.private_directory import close_directory


@dataclass(frozen=True)
class Owner:
    """The command that works in a run directory, and the flag by which the user names the directory."""

    command: str
    flag: str


_LOCKS = Path("/proc/locks")
"""Of the kernel; not on every system."""
RUN_TWO_PHASE = Owner("run_two_phase", "--run-dir")


@contextmanager
def exclusive(layout: RunLayout, owner: Owner = RUN_TWO_PHASE) -> Iterator[None]:
    """Hold the run directory.

    Raises UsageError where it cannot be made or written, is not ours alone, or another master works in it,
    which it names.
    """
    command, flag = owner.command, owner.flag
    try:
        close_directory(layout.state)
        stream = layout.lock.open("a+", encoding="utf-8")
    except OSError as error:
        raise UsageError(
            f"{flag} {layout.root}: {error.filename or layout.state}: {error.strerror}"
        ) from error
    with stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = f"another {command} is working in {layout.root.resolve()}: {_holder(stream)}"
            raise UsageError(f"{holder}; wait for it, end it, or use another {flag}") from error
        except OSError as error:
            problem = f"cannot be locked ({error.strerror}); use one on a local disk"
            raise UsageError(f"{flag} {layout.root}: {problem}") from error
        stream.truncate(0)
        stream.write(f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%F %T')}\n")
        stream.flush()
        yield


def is_held(layout: RunLayout) -> bool:
    """Tell whether a process of this machine seems to hold the run directory.

    The lock is not tried: a master that starts at that moment would be refused.
    """
    try:
        inode = layout.lock.stat().st_ino
        locks = _LOCKS.read_text()
    except OSError:
        return False
    return any(f":{inode} " in line for line in locks.splitlines() if "FLOCK" in line)


def last_elsewhere(layout: RunLayout) -> str:
    """Return which process on another machine held the run directory last; "" where it was one of this."""
    try:
        with layout.lock.open(encoding="utf-8", errors="replace") as stream:
            holder = _holder(stream)
    except OSError:
        return ""
    host = holder.partition(" on ")[2].partition(" since ")[0]
    return holder if host not in ("", socket.gethostname()) else ""


def _holder(stream: TextIO) -> str:
    stream.seek(0)
    return stream.readline(200).strip() or "unknown process"
