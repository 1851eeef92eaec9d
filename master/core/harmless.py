"""Text from jobs and workers, made harmless for a terminal."""

from __future__ import annotations

import re

LONGEST_LINE = 500
"""Characters of a log's last line that are shown."""
ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
"""Whole escape sequences."""

_ONE = r"(?:[0-4]?|7|2[1-79]|3[0-79]|4[0-79]|9[0-7]|10[0-7]|[34]8;5;\d{1,3}|[34]8;2;\d{1,3};\d{1,3};\d{1,3})"
COLOURS = re.compile(rf"(\x1b\[{_ONE}(?:;{_ONE}){{0,9}}m)")
"""Escape sequences that change how text looks and hide none of it."""
PLAIN = "\x1b[0m"
"""Ends them all."""


def clean(text: str) -> str:
    """Return text from a job or a worker as one harmless line: no escape sequences, no control characters."""
    plain = ESCAPES.sub("", text)
    if plain.isprintable():
        return plain.strip()
    return "".join(char if char.isprintable() else " " for char in plain).strip()


def coloured(line: str) -> str:
    """Return a line as `without_controls` does, with its colours, which end with it."""
    parts = COLOURS.split(line)
    shown = "".join(part if number % 2 else without_controls(part) for number, part in enumerate(parts))
    return f"{shown}{PLAIN}" if len(parts) > 1 else shown


def without_controls(line: str) -> str:
    """Return a line of a log with its indent, without escape sequences and control characters but tabs."""
    plain = ESCAPES.sub("", line)
    return plain if plain.isprintable() else "".join(c for c in plain if c == "\t" or c.isprintable())


def last_line(text: str) -> str:
    """Return the last line of a log that says something, cleaned, and cut where it goes on and on."""
    return cut(next((line for line in map(clean, reversed(text.splitlines())) if line), ""), LONGEST_LINE)


def brief(text: str, longest: int = 1000) -> str:
    """Return text as one harmless line of so many characters at most, `; ` where its lines end."""
    return cut("; ".join(filter(None, map(clean, text.splitlines()))), longest)


def cut(line: str, longest: int) -> str:
    """Return a line, and of a longer one its beginning."""
    return line if len(line) <= longest else f"{line[:longest]}…"
