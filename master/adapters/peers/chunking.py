"""What workers check against while they take an artefact from each other: the digests of its pieces."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from worker_agent.protocol.artefacts.peering import CHUNK_BYTES, Chunks, StreamedFile
from worker_agent.protocol.digests import MANIFEST

_MOST_KEPT = 32
"""Artefacts whose digests are remembered: of 100 GB they take some MB."""
_MOST_FILES = 100_000
"""More are not told: a message of them would be refused as too long."""
_BLOCK_BYTES = 1 << 20


@dataclass
class Chunking:
    """Hashes artefacts in pieces, each once.  Any thread may ask it."""

    _known: OrderedDict[str, Chunks | None] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, directory: Path, content_hash: str, *, is_base_model: bool) -> Chunks | None:
        """Return the stream of a directory; None where a stream cannot carry it: it holds links, say.

        The manifest of a base model, which is not part of it, does not come along.  Raises OSError.
        """
        with self._lock:
            if content_hash in self._known:
                self._known.move_to_end(content_hash)
                return self._known[content_hash]
        # Without the lock: it takes seconds, and others ask for what is known.
        chunks = chunks_of(directory, MANIFEST if is_base_model else "")
        with self._lock:
            self._known[content_hash] = chunks
            while len(self._known) > _MOST_KEPT:
                self._known.popitem(last=False)
        return chunks


def chunks_of(directory: Path, left_out: str = "") -> Chunks | None:
    """Return the stream of all files below a directory but one; None where that would not be all of it.

    Raises OSError.
    """
    files = list[StreamedFile]()
    for item in _files(str(directory), ""):
        if item is None or len(files) == _MOST_FILES:
            return None
        if item.path != left_out:
            files.append(item)
    return Chunks(files, list(_digests(directory, files))) if files else None


def _files(top: str, below: str) -> Iterator[StreamedFile | None]:
    """Yield files in the order in which rsync sends them; None for what is no file, or is empty.

    Whoever is being sent them by rsync can thus pass on what has come.
    """
    entries = sorted(os.scandir(os.path.join(top, below)), key=lambda entry: os.fsencode(entry.name))  # noqa: PTH118
    if not entries:
        yield None
    for entry in entries:
        if entry.is_file(follow_symlinks=False):
            status = entry.stat()
            yield StreamedFile(below + entry.name, status.st_size, bool(status.st_mode & 0o100))
        elif not entry.is_dir(follow_symlinks=False):
            yield None
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(top, f"{below}{entry.name}/")


def _digests(directory: Path, files: list[StreamedFile]) -> Iterator[str]:
    digest, room = hashlib.sha256(), CHUNK_BYTES
    for block in _blocks(directory, files):
        view = memoryview(block)
        while view:
            digest.update(view[:room])
            taken = min(room, len(view))
            view, room = view[taken:], room - taken
            if not room:
                yield digest.hexdigest()
                digest, room = hashlib.sha256(), CHUNK_BYTES
    if room < CHUNK_BYTES:
        yield digest.hexdigest()


def _blocks(directory: Path, files: list[StreamedFile]) -> Iterator[bytes]:
    """Yield the bytes of files, of each as many as it had.  Raises OSError where one has changed since."""
    for item in files:
        left = item.size
        with (directory / item.path).open("rb") as stream:
            while left:
                block = stream.read(min(left, _BLOCK_BYTES))
                if not block:
                    raise OSError(f"{directory / item.path} has become shorter")
                left -= len(block)
                yield block
