"""A value of a job's field in the words of a flag that its script declares."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from master.core.flags.declared import Flag, Style, Takes
from master.core.nearest import literal

_END_OF_FLAGS = "--"
_SPECIAL = ("-", "@")
"""What begins so may be taken for a flag, or for a file of flags."""


class CannotBeSaid(ValueError):
    """A value that a flag does not take; the text is a predicate."""


def said(flag: Flag, value: Any, style: Style = Style.SEPARATE) -> list[str]:
    """Return the words that tell a script a value.  Raises CannotBeSaid.

    A false that its switch has no word for is nothing: whoever checks it asks `is_dropped` first.
    """
    if flag.takes is Takes.NOTHING:
        return _switched(flag, value)
    if flag.takes is Takes.UNKNOWN and isinstance(value, bool):
        return [flag.spelling] if value else []
    if flag.takes is Takes.COUNT:
        return [flag.spelling] * _times(flag, value)
    items = list(value) if isinstance(value, (list, tuple)) else [value]
    _check_count(flag, items, isinstance(value, (list, tuple)))
    texts = [_text(flag, item) for item in items]
    if flag.place is not None:
        return texts
    if flag.takes is Takes.EACH and flag.count is None:
        return [word for text in texts for word in _one(flag, text, style)]
    return _one(flag, texts[0], style) if len(texts) == 1 else _many(flag, texts)


def is_dropped(flag: Flag, value: Any) -> bool:
    """Tell whether a script is not told a false: there is no word for it, and true may be usual."""
    return flag.takes in (Takes.NOTHING, Takes.UNKNOWN) and value is False and flag.off is None


def _switched(flag: Flag, value: Any) -> list[str]:
    if not isinstance(value, bool):
        raise CannotBeSaid(
            f"is {literal(value)}, but {flag.shown} takes no value: allowed are true and false"
        )
    words = flag.on if value else flag.off
    if words is None and value:
        raise CannotBeSaid(f"is true, but {flag.shown} has no way to say that")
    return list(words or ())


def _times(flag: Flag, value: Any) -> int:
    if not isinstance(value, int) or value < 0:
        problem = (
            f"is {literal(value)}, but {flag.shown} is counted: allowed are whole numbers, true and false"
        )
        raise CannotBeSaid(problem)
    return int(value)


def _check_count(flag: Flag, items: list[Any], is_list: bool) -> None:
    if flag.takes is Takes.ONE and is_list and len(items) != 1:
        raise CannotBeSaid(
            f"is a list, but {flag.shown} takes one value: write it as text, as the script reads it"
        )
    if flag.count is not None and len(items) != flag.count:
        raise CannotBeSaid(f"has {len(items)} values, but {flag.shown} takes {flag.count}")


def _text(flag: Flag, value: Any) -> str:
    if isinstance(value, bool):
        return flag.boolean[0] if value else flag.boolean[1]
    if flag.is_whole and isinstance(value, float) and value.is_integer():
        value = int(value)
    text = "null" if value is None else str(value)
    if text == _END_OF_FLAGS and not flag.verbatim:
        raise CannotBeSaid(f"is `{text}`, which ends the flags of a command")
    return text


def _one(flag: Flag, text: str, style: Style) -> list[str]:
    is_special = text.startswith(_SPECIAL) and not flag.verbatim
    if flag.joins and (is_special or style is not Style.SEPARATE):
        return [f"{flag.spelling}={text}"]
    return [flag.spelling, text]


def _many(flag: Flag, texts: Iterable[str]) -> list[str]:
    return [flag.spelling, *(texts if flag.verbatim else _not_flags(texts))]


def _not_flags(texts: Iterable[str]) -> Iterator[str]:
    """Yield texts, negative numbers in the only form that argparse does not take for a flag."""
    for text in texts:
        if not text.startswith("-") or text == "-":
            yield text
        elif _is_finite(text):
            yield format(Decimal(text), "f")
        else:
            raise CannotBeSaid(f"holds `{text}`, which would be taken for a flag in a list of values")


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False
