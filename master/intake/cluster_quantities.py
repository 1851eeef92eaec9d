"""Numbers, times and sizes of the cluster config."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

from master.core.nearest import literal
from master.core.planning.job_limits import LIMIT_KEYS, MOST_PROCESSES
from master.core.quantities import SIZES, TIMES, seconds, size_bytes
from master.intake.strict_json import Node
from worker_agent.protocol.terms import JobLimits

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


def limits(node: Node, above: JobLimits, folder: Path) -> JobLimits:
    """Return the limits of an object, over those that stand above it."""
    node.only_keys(LIMIT_KEYS)
    readers = size(1), whole(1, MOST_PROCESSES), size(1)
    found = [
        (field.name, read(given))
        for field, key, read in zip(fields(JobLimits), LIMIT_KEYS, readers, strict=True)
        if (given := node.get(key)) is not None
    ]
    return replace(above, **dict(found))


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
