"""What a script calls true and false, where it takes them as values."""

from __future__ import annotations

from collections.abc import Collection

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


def boolean_words(vocabulary: Collection[str]) -> BooleanWords:
    """Return the pair that a script knows, given the words that it compares a value with or offers."""
    whole = (pair for pair in _PAIRS if all(word in vocabulary for word in pair))
    half = (pair for pair in _PAIRS if any(word in vocabulary for word in pair))
    return next(whole, None) or next(half, TRUE_FALSE)
