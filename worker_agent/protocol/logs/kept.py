"""What is kept of a log that had to be cut, and where; places are counted as the log was written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence

_BLOCK = 64 * 1024
MOST_BACK = 8 * 1024 * 1024
"""How far back is looked for the beginning of the last lines."""
FAR = f"its last lines are long: shown is their end, {MOST_BACK:,} bytes"
_CUT = rb"\n--- ([\d,]{1,26}) bytes cut: the log is larger than ([\d,]{1,26}) bytes ---\n"
"""Not compiled here: agents, which never look for it, would start later."""
_LONGEST_NOTE = 128
_SCANNED = 1 << 20


class Part(NamedTuple):
    """A piece of a log that is kept."""

    start: int
    end: int
    """From where to where it was written."""
    path: str
    at: int
    """Where in that file it begins."""


class Piece(NamedTuple):
    """What was read of a log."""

    offset: int
    """Where it begins; after what was asked for, if that was cut."""
    data: bytes


def cut_note(cut: int, limit: int) -> bytes:
    """Return the line in the place of what was cut."""
    return f"\n--- {cut:,} bytes cut: the log is larger than {limit:,} bytes ---\n".encode()


def ended_log(path: str) -> List[Part]:
    """Return the parts of the log of an attempt that has ended.  Raises OSError."""
    with Path(path).open("rb") as stream:
        size = stream.seek(0, 2)
        stream.seek(0)
        begin, before = 0, b""
        while True:
            block = stream.read(_SCANNED)
            found = re.search(_CUT, before + block)
            if found and _is_ours(found, begin - len(before)):
                return cut_parts(path, size, begin - len(before) + found.start(), found)
            if not block:
                return [Part(0, size, path, 0)]
            begin, before = begin + len(block), (before + block)[-_LONGEST_NOTE:]


def cut_parts(path: str, size: int, at: int, note: "re.Match[bytes]") -> List[Part]:
    """Return the parts of a file of `size` bytes that has a note of what was cut `at` a place."""
    after = at + len(note[0])
    resumed = at + _number(note[1])
    return [Part(0, at, path, 0), Part(resumed, resumed + size - after, path, after)]


def _is_ours(note: "re.Match[bytes]", begin: int) -> bool:
    """Return whether a note stands where one can: a job may write the like of it."""
    quarter = _number(note[2]) // 4
    return quarter - _BLOCK <= begin + note.start() <= quarter


def _number(text: bytes) -> int:
    return int(text.replace(b",", b"") or b"0")


def written(parts: Sequence[Part]) -> int:
    """Return how many bytes were written."""
    return parts[-1].end if parts else 0


def read(parts: Sequence[Part], offset: int, most: int) -> Piece:
    """Return at most `most` bytes from `offset` on, none at the end.  Raises OSError."""
    for part in parts:
        begin = max(offset, part.start)
        if begin < part.end:
            with Path(part.path).open("rb") as stream:
                stream.seek(part.at + begin - part.start)
                return Piece(begin, stream.read(min(most, part.end - begin)))
    return Piece(max(offset, written(parts)), b"")


def last_lines(parts: Sequence[Part], lines: int) -> int:
    """Return where the last lines begin, or how far back is looked.  Raises OSError."""
    place = end = written(parts)
    left = lines
    while left > 0 and end - place < MOST_BACK:
        block = _before(parts, place)
        if block is None:
            break
        data = block.data
        # What ends the last line begins none.
        skip = 1 if place == end and data.endswith(b"\n") else 0
        found = _nth_last_newline(data, left, len(data) - skip)
        if found is not None:
            return block.offset + found + 1
        left, place = left - data.count(b"\n", 0, len(data) - skip), block.offset
    return place


def is_far(parts: Sequence[Part], place: int) -> bool:
    """Return whether the last lines may begin before a place, which is as far back as is looked."""
    return place > 0 and written(parts) - place >= MOST_BACK


def _before(parts: Sequence[Part], place: int) -> Optional[Piece]:
    """Return what is kept right before a place, None for its beginning."""
    for part in reversed(parts):
        if part.start < min(place, part.end):
            end = min(place, part.end)
            begin = max(part.start, end - _BLOCK)
            return read([part], begin, end - begin)
    return None


def _nth_last_newline(data: bytes, number: int, end: int) -> Optional[int]:
    for _ in range(number):
        end = data.rfind(b"\n", 0, end)
        if end < 0:
            return None
    return end
