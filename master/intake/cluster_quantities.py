"""Numbers, times and sizes of the cluster config."""

from __future__ import annotations

from collections.abc import Callable

from master.core.nearest import literal
from master.core.quantities import SIZES, TIMES, seconds, size_bytes
from master.intake.strict_json import Node

_LONGEST_GRACE_S = 3600.0


def whole(least: int, most: int) -> Callable[[Node], int]:
    """Return the reader of a whole number."""
    return lambda node: node.integer(least, most)


def size(least: int) -> Callable[[Node], int]:
    """Return the reader of a size of at least so many bytes."""

    def read(node: Node) -> int:
        found = size_bytes(node.value)
        if found is None or found < least:
            node.fail(f"is {literal(node.value)}, allowed is, from {least:,} bytes on, {SIZES}")
        return found

    return read


def reserve(node: Node) -> int:
    """Return a size, which may be 0."""
    found = 0 if _is_zero(node) else size_bytes(node.value)
    if found is None:
        node.fail(f"is {literal(node.value)}, allowed is 0, {SIZES}")
    return found


def idle(node: Node) -> float:
    """Return a time in seconds, which may be 0."""
    found = 0.0 if _is_zero(node) else seconds(node.value)
    if found is None:
        node.fail(f"is {literal(node.value)}, allowed is 0, or {TIMES}")
    return found


def grace(node: Node) -> float:
    """Return a time in seconds from 0 to an hour."""
    found = 0.0 if _is_zero(node) else seconds(node.value)
    if found is None or found > _LONGEST_GRACE_S:
        node.fail(f'is {literal(node.value)}, allowed are 0 to 3600 seconds, or text like "90s" or "15m"')
    return found


def _is_zero(node: Node) -> bool:
    return type(node.value) in (int, float) and node.value == 0
