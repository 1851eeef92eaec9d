"""Rows as lines whose columns stand under each other: quick for many, and plain for `grep` and `awk`."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence

_GAP = "  "
_LEAST_NAME, _LEAST_REASON = 16, 20
"""Characters of a name and of a reason that a narrow terminal keeps."""


def terminal_width() -> int | None:
    """Return the columns of the terminal that the output goes to; None where it goes elsewhere."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a line for each row; the first row names the columns, the last column is as wide as it is."""
    widths = _widths(rows)
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield _GAP.join(cells).rstrip()


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(len, column)) for column in zip(*rows, strict=True)]


def fitted(rows: Sequence[Sequence[str]], width: int | None) -> Iterator[str]:
    """Yield the lines of `aligned`, none longer than `width`, where there is one.

    The last column, reasons, loses its end, and of the one before it, names, the beginning: there they
    differ least.
    """
    if width is None:
        return aligned(rows)
    *others, name, reason = _widths(rows)
    left = width - sum(others) - len(_GAP) * (len(others) + 1)
    for_reason = min(reason, max(_LEAST_REASON, left - name))
    for_name = max(_LEAST_NAME, left - for_reason)
    cut = [(*row[:-2], _ending(row[-2], for_name), _beginning(row[-1], for_reason)) for row in rows]
    return (_beginning(line, width) for line in aligned(cut))


def _beginning(text: str, room: int) -> str:
    return text if len(text) <= room else f"{text[: room - 1]}…"


def _ending(text: str, room: int) -> str:
    return text if len(text) <= room else f"…{text[len(text) - room + 1 :]}"


def wrapped(text: str, width: int | None) -> str:
    """Return a sentence in lines of so many characters at most, where there is such a number."""
    return text if width is None else textwrap.fill(text, width, break_long_words=False)
