"""Where the socket of a running master is: in the run's state, which nobody else may enter."""

from __future__ import annotations

import os
import pwd
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from master.core.running.orders.order import By
from master.runs.run_lock import is_held
from master.storage.run_layout import RunLayout

_FILE = "control"
_PATIENCE_S = 10.0
"""To be heard at all: a master may be stopped by a signal."""
_FD = Path("/proc/self/fd")
_CREDENTIALS = struct.Struct("3i")


def listening(layout: RunLayout) -> socket.socket:
    """Listen for questions to the master that holds the run directory.  Raises OSError."""
    path = layout.state / _FILE
    remove(layout)
    listener = _opened(path, lambda sock, name: sock.bind(name))
    path.chmod(0o600)
    listener.listen(16)
    listener.settimeout(None)
    return listener


def remove(layout: RunLayout) -> None:
    """Remove the socket: of a master that is done, or was killed.  Raises OSError."""
    (layout.state / _FILE).unlink(missing_ok=True)


def connected(layout: RunLayout) -> socket.socket | None:
    """Connect to the master that works in a run directory; None where none does, or on another machine."""
    try:
        return _opened(layout.state / _FILE, lambda sock, name: sock.connect(name))
    except (FileNotFoundError, ConnectionRefusedError):
        return None


def is_working(layout: RunLayout) -> bool:
    """Tell whether a master works in a run directory on this machine; one that cannot be heard does."""
    try:
        sock = connected(layout)
    except OSError:
        return True
    if sock is not None:
        sock.close()
    return sock is not None or is_held(layout)  # a master may have had no socket


def _opened(path: Path, use: Callable[[socket.socket, str], None]) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(_PATIENCE_S)
    try:
        with _short(path) as name:
            use(sock, name)
    except OSError:
        sock.close()
        raise
    return sock


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """Give a name of a path that fits into the address of a socket, which is 107 bytes long."""
    if not _FD.is_dir():
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield str(_FD / str(folder) / path.name)
    finally:
        os.close(folder)


def peer_of(connection: socket.socket) -> By:
    """Return who is at the other end, as the kernel tells it.

    Where it does not, it is our user: nobody else may enter the folder of the socket.
    """
    asked = getattr(socket, "SO_PEERCRED", None)
    pid, uid = 0, os.getuid()
    if asked is not None:
        told = connection.getsockopt(socket.SOL_SOCKET, asked, _CREDENTIALS.size)
        pid, uid, _ = _CREDENTIALS.unpack(told)
    return By(uid, _name_of(uid), pid)


def is_ours(by: By) -> bool:
    """Tell whether who is at the other end is the user of this process, or root."""
    return by.uid in (os.getuid(), 0)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
