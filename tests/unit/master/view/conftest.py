"""Consoles and clocks for the tests of the views."""

from __future__ import annotations

import time
from collections.abc import Iterator
from io import StringIO

import pytest
from rich.console import Console


@pytest.fixture(autouse=True)
def plain_surroundings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times in UTC, and nothing in the environment that changes how rich sees a terminal."""
    for name in ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def terminal(width: int = 80, height: int = 24) -> Console:
    return Console(file=StringIO(), width=width, height=height, force_terminal=True, highlight=False)


def paper(width: int = 100) -> Console:
    return Console(file=StringIO(), width=width, highlight=False, markup=False, emoji=False)


def written(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def line_with(text: str, page: str) -> list[str]:
    """Return the words of the only line that begins with `text`."""
    (line,) = [line for line in page.splitlines() if line.startswith(text)]
    return line.split()
