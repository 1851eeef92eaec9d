"""Values as a command line spells them: JSON where they parse, else text; `0..4` includes both ends."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

MOST_JOBS = 100_000
"""That a sweep may spell out."""

_RANGE = re.compile(r"(-?\d{1,18})\.\.(-?\d{1,18})", re.ASCII)
_OPENING, _CLOSING = "[{", "]}"


def value_of(text: str) -> Any:
    """Return the value that a text stands for."""
    try:
        return json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return text


def values_of(text: str) -> list[Any]:
    """Return the values of a list such as `1e-3,1e-4`, `[1,2],[3]` or `0..4`.  Raises ValueError."""
    return [value for part in split(text) for value in range_of(part) or [value_of(part)]]


def range_of(text: str) -> list[int] | None:
    """Return the whole numbers of a range such as `0..4`, None for any other text.  Raises ValueError."""
    found = _RANGE.fullmatch(text.strip())
    if found is None:
        return None
    first, last = int(found[1]), int(found[2])
    if last < first:
        raise ValueError(f"{text} runs backwards: give the lower end first")
    if last - first >= MOST_JOBS:
        raise ValueError(f"{text} are {last - first + 1:,} values, a sweep may spell out {MOST_JOBS:,} jobs")
    return list(range(first, last + 1))


def split(text: str) -> list[str]:
    """Return what stands between the commas of a text, but for those in brackets and in quoted text."""
    parts, depth, quoted, escaped = [""], 0, False, False
    for sign in text:
        if sign == "," and not depth and not quoted:
            parts.append("")
            continue
        parts[-1] += sign
        depth += not quoted and (sign in _OPENING) - (sign in _CLOSING)
        quoted ^= sign == '"' and not escaped
        escaped = sign == "\\" and not escaped
    return parts


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")
