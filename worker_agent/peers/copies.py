"""Pieces of an artefact on this disk: read wherever they lie, written where they belong."""

from __future__ import annotations

import contextlib
import os
import re
import stat
from pathlib import Path
from typing import Iterator, List, Optional, Sequence

from worker_agent.peers.stream import Part, Stream
from worker_agent.protocol.artefacts.peering import StreamedFile

_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OF_RSYNC = ".rsync-partial"
"""Where rsync keeps what it had of a file when it was interrupted."""


class Copy:
    """A directory that holds an artefact, or the beginning of one."""

    def __init__(self, root: Path, stream: Stream) -> None:
        self._root, self._stream = root, stream

    def read(self, number: int, *, under_way: bool = False) -> Optional[bytes]:
        """Return a piece that is here and is what it should be; None for any other.

        `under_way` looks at what rsync is writing as well, which has other names until it is whole.
        """
        read = bytearray()
        for part in self._stream.parts(number):
            found = self._read(part, under_way)
            if found is None:
                return None
            read += found
        data = bytes(read)
        return data if self._stream.is_piece(number, data) else None

    def _read(self, part: Part, under_way: bool) -> Optional[bytes]:
        path = self._root / part.file.path
        found = _bytes_of(path, part)
        if found is None and under_way:
            for other in _under_way(path):
                found = found or _bytes_of(other, part)
        return found


class Incoming:
    """A directory into which a stream is being written, piece by piece, each checked before."""

    def __init__(self, root: Path, stream: Stream) -> None:
        self.root, self._stream = root, stream
        self._copy = Copy(root, stream)

    def prepare(self) -> None:
        """Make all files, with what is there of them, none longer than it will be.  Raises OSError."""
        for item in self._stream.files:
            path = self.root / item.path
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if not _may_be_written(path):
                path.unlink()
            with _opened(path, item) as descriptor:
                if os.fstat(descriptor).st_size > item.size:
                    os.ftruncate(descriptor, item.size)

    def reaches(self, number: int) -> bool:
        """Return whether files are as long as they are once so many pieces were written.  Raises OSError."""
        left = self._stream.begin(number)
        for item in self._stream.files:
            if (self.root / item.path).stat().st_size < min(item.size, left):
                return False
            left -= min(item.size, left)
        return True

    def held(self, begin: int = 0) -> Iterator[int]:
        """Yield the pieces that are here, one after the other; what lies elsewhere is put into its place.

        Raises OSError.
        """
        for number in range(begin, len(self._stream)):
            if self._copy.read(number) is None:
                data = self._copy.read(number, under_way=True)
                if data is None:
                    return
                self.write(number, data)
            yield number

    def write(self, number: int, data: bytes) -> None:
        """Put a piece that was checked into its place.  Raises OSError."""
        rest = memoryview(data)
        for part in self._stream.parts(number):
            with _opened(self.root / part.file.path, part.file) as descriptor:
                _write_at(descriptor, rest[: part.length], part.offset)
            rest = rest[part.length :]

    def tidy(self) -> None:
        """Remove all files that are none of the stream's, such as those that rsync left.  Raises OSError."""
        wanted = {str(self.root / item.path) for item in self._stream.files}
        for folder, folders, names in os.walk(str(self.root), topdown=False):
            files = {os.path.join(folder, name) for name in names} - wanted  # noqa: PTH118
            links = filter(os.path.islink, (os.path.join(folder, name) for name in folders))  # noqa: PTH118
            for path in (*files, *links):
                os.unlink(path)  # noqa: PTH108
            with contextlib.suppress(OSError):  # it is not empty
                os.rmdir(folder)  # noqa: PTH106


def _bytes_of(path: Path, part: Part) -> Optional[bytes]:
    """Return what a file holds in the place of a part; None where it does not reach so far."""
    try:
        descriptor = os.open(str(path), _READ)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb", buffering=0) as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with contextlib.suppress(OSError):
            stream.seek(part.offset)
            data = stream.read(part.length)
            if data is not None and len(data) == part.length:
                return data
    return None


def _under_way(path: Path) -> Iterator[Path]:
    """Yield where rsync may have bytes of a file that has not come whole: as `.NAME.` and six letters."""
    of_it = re.compile(rf"\.{re.escape(path.name)}\.\w{{6}}\Z")
    yield from (path.with_name(name) for name in _names_in(path.parent) if of_it.match(name))
    yield path.parent / _OF_RSYNC / path.name


def _names_in(folder: Path) -> Sequence[str]:
    try:
        return os.listdir(str(folder))  # noqa: PTH208
    except OSError:
        return ()


def _may_be_written(path: Path) -> bool:
    """Return whether a name is free, or a file that we may write to and that has no other name."""
    try:
        status = path.lstat()
    except FileNotFoundError:
        return True
    return stat.S_ISREG(status.st_mode) and status.st_nlink == 1 and bool(status.st_mode & 0o200)


@contextlib.contextmanager
def _opened(path: Path, item: StreamedFile) -> Iterator[int]:
    """Open a file to write to it, made where it is not there.  Raises OSError."""
    descriptor = os.open(str(path), _WRITE, 0o700 if item.executable else 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _write_at(descriptor: int, data: memoryview, offset: int) -> None:
    while data:
        count = os.pwrite(descriptor, data, offset)
        data, offset = data[count:], offset + count


def first_of(copies: List[Copy], number: int) -> Optional[bytes]:
    """Return a piece from the first directory that has it, be it under way; None where none has."""
    for copy in copies:
        data = copy.read(number, under_way=True)
        if data is not None:
            return data
    return None
