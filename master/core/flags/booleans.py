"""What a script calls true and false, where it takes them as values."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

BooleanWords = tuple[str, str]
"""The words for true and false."""

TRUE_FALSE: BooleanWords = ("true", "false")
PYTHON: BooleanWords = ("True", "False")
DIGITS: BooleanWords = ("1", "0")
EMPTY_IS_FALSE: BooleanWords = ("True", "")
"""For `type=bool`: Python takes every text for true but the empty one."""
_PAIRS: tuple[BooleanWords, ...] = (
    *(TRUE_FALSE, PYTHON, ("TRUE", "FALSE"), ("yes", "no"), ("Yes", "No"), ("on", "off"), ("On", "Off")),
    *(("y", "n"), ("t", "f"), DIGITS),
)


def as_switched(value: Any) -> Any:
    """Return the value of a field whose flag is a switch: Python's `True` and `False` are no text."""
    return value == PYTHON[0] if isinstance(value, str) and value in PYTHON else value


def boolean_words(vocabulary: Collection[str]) -> BooleanWords:
    """Return the pair that a script knows, given the words that it compares a value with or offers."""
    whole = (pair for pair in _PAIRS if all(word in vocabulary for word in pair))
    half = (pair for pair in _PAIRS if any(word in vocabulary for word in pair))
    return next(whole, None) or next(half, TRUE_FALSE)
