"""An artefact as a stream of pieces: what each should be, and of which files it is."""

from __future__ import annotations

import hashlib
import re
from bisect import bisect_right
from itertools import accumulate
from typing import Iterator, NamedTuple

from worker_agent.protocol.artefacts.peering import CHUNK_BYTES, Chunks, StreamedFile

_DIGEST = re.compile(r"[0-9a-f]{64}\Z")


class Part(NamedTuple):
    """What a piece has of one file."""

    file: StreamedFile
    offset: int
    length: int


class Stream:
    """The files of an artefact, one after the other, cut into pieces."""

    def __init__(self, chunks: Chunks) -> None:
        """Raise ValueError for what cannot be."""
        self.files, self._digests = chunks.files, chunks.digests
        self.total_bytes = chunks.total_bytes
        self._ends = list(accumulate(item.size for item in self.files))
        if len({item.path for item in self.files}) != len(self.files):
            raise ValueError("a stream with two files of one name")
        if len(self._digests) != -(-self.total_bytes // CHUNK_BYTES):
            raise ValueError(f"{len(self._digests)} digests for a stream of {self.total_bytes} bytes")
        if not all(map(_DIGEST.match, self._digests)):
            raise ValueError("a digest of a stream that is not 64 hex digits")

    def __len__(self) -> int:
        """Return the number of pieces."""
        return len(self._digests)

    def begin(self, number: int) -> int:
        """Return how many bytes come before a piece; before the one after the last, all of them."""
        return min(number * CHUNK_BYTES, self.total_bytes)

    def size(self, number: int) -> int:
        """Return how long a piece is."""
        return self.begin(number + 1) - self.begin(number)

    def piece_at(self, offset: int) -> int:
        """Return the piece that begins there, or how many there are for the end.  Raises ValueError."""
        number = -(-offset // CHUNK_BYTES)
        if not 0 <= number <= len(self) or self.begin(number) != offset:
            raise ValueError(f"no piece begins at byte {offset} of {self.total_bytes}")
        return number

    def parts(self, number: int) -> Iterator[Part]:
        """Yield of which files a piece is, in their order."""
        position, end = self.begin(number), self.begin(number + 1)
        index = bisect_right(self._ends, position)
        while position < end:
            file, file_end = self.files[index], self._ends[index]
            length = min(end, file_end) - position
            if length:
                yield Part(file, position - (file_end - file.size), length)
            position, index = position + length, index + 1

    def is_piece(self, number: int, data: bytes) -> bool:
        """Return whether bytes are the piece that the master knows."""
        return hashlib.sha256(data).hexdigest() == self._digests[number]
