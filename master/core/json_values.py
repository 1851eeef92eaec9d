"""Values of JSON, compared as JSON does."""

from __future__ import annotations

from typing import Any


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal: 1 and 1.0 are, `true` and 1 are not."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
