"""Bytes of a log as lines that a page may show, whatever pieces they come in."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from master.view.answers.log_text import harmless_lines

MOST_LINES = 1000
_LONGEST = 1 << 16
"""Of a line that has not ended."""


@dataclass
class Folding:
    """What has come since it was last told: of a line that was written over, what stayed."""

    lines: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_LINES))
    is_fresh: bool = True
    """What comes is not what follows on what was told before."""
    cut: int = 0
    """How many lines were left out, as more came than are shown."""
    _rest: bytes = b""

    def begin(self) -> None:
        """Turn to another log."""
        self.lines.clear()
        self.is_fresh, self.cut, self._rest = True, 0, b""

    def feed(self, data: bytes) -> None:
        """Take in what was written."""
        whole, newline, rest = (self._rest + data).rpartition(b"\n")
        if whole or newline:
            self.add(harmless_lines(whole + newline))
        self._rest = rest if len(rest) <= _LONGEST else rest[-_LONGEST:]

    def add(self, lines: list[str]) -> None:
        """Take in lines that are harmless already."""
        self.cut += max(0, len(self.lines) + len(lines) - MOST_LINES)
        self.lines.extend(lines)

    def told(self) -> dict[str, Any]:
        """Return what is new, and the line that has not ended."""
        rest = harmless_lines(self._rest.rstrip(b"\r")) if self._rest else [""]
        told = {"fresh": self.is_fresh or self.cut > 0, "lines": list(self.lines), "rest": rest[0]}
        self.lines.clear()
        self.is_fresh, self.cut = False, 0
        return told
