"""Values of fields as they stand in names: `1e-3`, `true`, `0.9+0.999`, in the grammar of ids."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

_UNSAFE = re.compile(r"[^A-Za-z0-9._+=-]")
_NUMBER = re.compile(r"(?<![A-Za-z0-9.])-?\d{1,15}(?:\.\d{1,15})?(?:[eE][+-]?\d{1,3})?(?![A-Za-z0-9.*?])")
_PLAIN_EXPONENTS = range(-2, 5)
"""Of numbers that read well without one."""


def value_text(value: Any) -> str:
    """Return a value as it stands in a name."""
    if isinstance(value, (list, tuple)):
        return "+".join(map(_scalar_text, value))
    return _scalar_text(value)


def safe(text: str) -> str:
    """Return a text with `_` for what may not stand in an id."""
    return _UNSAFE.sub("_", text)


def same_numbers(text: str) -> str:
    """Return a name with each number in one spelling, so that names of equal values are equal."""
    return _NUMBER.sub(lambda found: str(Decimal(found[0]).normalize() + 0), text)


def _scalar_text(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    # Kept by their texts: 0.0 and -0.0 are one key.
    return _float_text(repr(value)) if isinstance(value, float) else safe(str(value))


@lru_cache(maxsize=4096)
def _float_text(plain: str) -> str:
    """Return the shorter one of `0.001` and `1e-3`, where an exponent reads well."""
    sign, digits, _ = Decimal(plain).as_tuple()
    written = "".join(map(str, digits)).rstrip("0") or "0"
    exponent = Decimal(plain).adjusted()
    mantissa = written[0] + (f".{written[1:]}" if written[1:] else "")
    scientific = f"{'-' * sign}{mantissa}e{exponent}"
    if set(written) == {"0"} or (
        "e" not in plain and (exponent in _PLAIN_EXPONENTS or len(plain) <= len(scientific))
    ):
        return plain
    return scientific
