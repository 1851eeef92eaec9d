"""Words for a name that is not known: the nearest one that is."""

from __future__ import annotations

import difflib
import json
from collections.abc import Collection


def unknown(name: str, known: Collection[str]) -> str:
    """Say that `name` is not known, and which of `known` was probably meant, or all of them."""
    return f"{shown(name)} is unknown: {hint(name, known)}"


def hint(name: str, known: Collection[str]) -> str:
    """Say which of `known` was probably meant by `name`, or name them all."""
    alike = near(name, known)
    return f"did you mean `{alike}`?" if alike else f"allowed are {', '.join(sorted(known)) or 'none'}"


def near(name: str, known: Collection[str], likeness: float = 0.6) -> str:
    """Return which of `known` was probably meant by `name`, "" where none is near."""
    return next(iter(difflib.get_close_matches(name, known, n=1, cutoff=likeness)), "")


def shown(name: object, limit: int = 60) -> str:
    """Quote a piece of the user's file for a message: one line, ASCII, at most `limit` characters."""
    return _quoted(str(name).encode("unicode_escape").decode("ascii"), limit)


def literal(value: object) -> str:
    """Quote a value of the user's file for a message, as JSON writes it."""
    return _quoted(json.dumps(value), 60)


def _quoted(text: str, limit: int) -> str:
    return f"`{text[:limit]}{'…' if len(text) > limit else ''}`"
