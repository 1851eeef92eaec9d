"""Times and sizes as users write them: numbers, or text with a unit."""

from __future__ import annotations

import re
from typing import Any

LONGEST_S = 1e9
LARGEST_BYTES = 2**60

TIMES = f'seconds above 0, at most {LONGEST_S:.0e}, or text like "90s", "15m", "2h" or "1d"'
"""What is allowed as a time, for error messages."""
SIZES = 'a number of bytes above 0, or text like "800MB", "64MiB" or "24GB"'
"""What is allowed as a size, for error messages."""

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_BYTES = {"B": 1} | {
    f"{prefix}{end}": base**power
    for power, prefix in enumerate("KMGT", 1)
    for end, base in (("B", 1000), ("iB", 1024))
}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?) ?([A-Za-z]+)", re.ASCII)


def seconds(value: Any) -> float | None:
    """Return a time in seconds: `90`, `1.5`, `"90s"`, `"15m"`, `"2h"`, `"1d"`; None for what is none."""
    found = _amount(value, _SECONDS)
    return found if found is not None and 0 < found <= LONGEST_S else None


def size_bytes(value: Any) -> int | None:
    """Return a size in bytes: `4096`, `"800MB"` (10⁶ bytes each), `"64MiB"` (2²⁰); None for what is none."""
    found = _amount(value, _BYTES)
    return int(found) if found is not None and 1 <= found <= LARGEST_BYTES else None


def _amount(value: Any, units: dict[str, int]) -> float | None:
    if type(value) in (int, float):
        return float(value)
    match = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in units:
        return None
    return float(match[1]) * units[match[2]]
