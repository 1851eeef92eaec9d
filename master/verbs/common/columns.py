"""Rows as lines whose columns stand under each other: quick for many, and plain for `grep` and `awk`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

_GAP = "  "


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield a line for each row; the first row names the columns, the last column is as wide as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield _GAP.join(cells).rstrip()
