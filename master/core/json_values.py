"""Values of JSON, compared as JSON does."""

from __future__ import annotations

import sys
from typing import Any


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal: 1 and 1.0 are, `true` and 1 are not."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def as_number(value: Any) -> float | None:
    """Return a finite number as a float, None for anything else (and for true and false)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value) if abs(value) <= sys.float_info.max else None
