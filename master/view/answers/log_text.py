"""The end of a log, however large it is, as a terminal or a page may show it."""

from __future__ import annotations

import os
from pathlib import Path

MOST_BYTES = 8 * 1024 * 1024
"""Of the lines that are shown."""
_BLOCK = 64 * 1024


def tail(path: Path, lines: int, most: int = MOST_BYTES) -> tuple[bytes, bool]:
    """Return the last lines of a file, however large it is, and whether they are more than `most` bytes.

    Then their beginning is left out.  Raises OSError, also for a link.
    """
    blocks, size, ends = list[bytes](), 0, 0
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as stream:
        position = stream.seek(0, 2)
        while position > 0 and ends <= lines and size < most:
            begin = max(0, position - _BLOCK)
            stream.seek(begin)
            blocks.append(stream.read(position - begin))
            size, ends, position = size + len(blocks[-1]), ends + blocks[-1].count(b"\n"), begin
    data = b"".join(reversed(blocks))
    end = b"\n" if data.endswith(b"\n") else b""
    kept = data.removesuffix(end).split(b"\n")[-lines:]
    return b"\n".join(kept) + end if data else data, position > 0 and ends <= lines


def harmless_lines(data: bytes, *, colours: bool = False) -> list[str]:
    """Return the lines of a log as a terminal may show them; of a line that was written over, what stayed."""
    from master.core.harmless import coloured, without_controls

    lines = data.decode("utf-8", "replace").split("\n")
    if not lines[-1]:
        lines.pop()
    show = coloured if colours else without_controls
    return [show(line.rstrip("\r").rpartition("\r")[2]) for line in lines]
