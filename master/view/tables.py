"""What the tables before and after a run have in common."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TextIO, TypeVar

from rich.console import Console
from rich.table import Table

Row = TypeVar("Row")
Cut = tuple[Sequence[Row], int, Sequence[Row]]

FIRST_ROWS, LAST_ROWS = 25, 10


def stdout_console(stream: TextIO | None = None) -> Console:
    """Return a console for tables; into a file or pipe it writes lines of 120 columns without colours."""
    console = Console(file=stream or sys.stdout, highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = 120
    return console


def new_table(title: str, *columns: str) -> Table:
    """Return a table without lines; a column whose name begins with `>` is set to the right."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    table.padding = (0, 2, 0, 0)
    for name in columns:
        right = name.startswith(">")
        fold = name in ("job", "reason", "differ in")
        table.add_column(
            name.lstrip(">"),
            justify="right" if right else "left",
            overflow="fold" if fold else "ellipsis",
            no_wrap=not fold,
            header_style="dim",
        )
    return table


def cut(rows: Sequence[Row], first: int = FIRST_ROWS, last: int = LAST_ROWS) -> Cut[Row]:
    """Return the first rows, how many are left out, and the last rows."""
    if len(rows) <= first + last + 1:
        return rows, 0, ()
    return rows[:first], len(rows) - first - last, rows[len(rows) - last :]
