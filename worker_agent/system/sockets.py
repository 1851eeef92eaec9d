"""The run's Unix socket: in a directory that nobody else may enter."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Iterator, Optional

_MAX_PATH_BYTES = 107


class SocketError(OSError):
    """The place of the socket is not safe or not usable; the text is for the user."""


def check_directory(directory: Path) -> None:
    """Make the socket's directory.  Raises SocketError where it is not ours alone."""
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        status = directory.lstat()
    except OSError as error:
        raise SocketError(f"{directory}: {error.strerror}") from error
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise SocketError(f"{directory} must be a directory of yours with mode 700: remove it and try again")


def _places(path: Path) -> Iterator[Path]:
    """Yield where a socket may be: somebody else may have made the first directory."""
    yield path
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime:
        yield Path(runtime, "twophase", path.name)


def listen(path: Path) -> socket.socket:
    """Listen at a path, in the place of a socket that nobody serves any more.

    Where its directory is somebody else's, the socket is below `XDG_RUNTIME_DIR`.  Raises SocketError.
    """
    problems = []
    for place in _places(path):
        try:
            return _listen(place)
        except SocketError as error:
            problems.append(error)
    raise problems[0]


def _listen(path: Path) -> socket.socket:
    check_directory(path.parent)
    if len(os.fsencode(str(path))) > _MAX_PATH_BYTES:
        raise SocketError(f"{path} is too long for a socket: set TMPDIR to a shorter directory")
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(16)
    listener.setblocking(False)
    return listener


def listens_at(listener: socket.socket, path: Path) -> bool:
    """Return whether who connects to the path still finds a socket of ours there."""
    return path.is_socket() and listener.fileno() >= 0


def connect(path: Path) -> Optional[socket.socket]:
    """Connect to a run's agent; None where none serves.  Raises SocketError for an unsafe directory."""
    problems, places = [], list(_places(path))
    for place in places:
        try:
            connection = _connect(place)
        except SocketError as error:
            problems.append(error)
            continue
        if connection:
            return connection
    if len(problems) == len(places):
        raise problems[0]
    return None


def _connect(path: Path) -> Optional[socket.socket]:
    check_directory(path.parent)
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.connect(str(path))
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    except OSError as error:
        connection.close()
        raise SocketError(f"{path}: {error.strerror or error}") from error
    return connection
