"""In which fields jobs, or base models, differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def varying(configs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the fields that are not equal in all of `configs`, in the order of their first use."""
    names: Iterable[str] = dict.fromkeys(name for config in configs for name in config)
    return [name for name in names if _varies([config.get(name) for config in configs])]


def _varies(values: Sequence[Any]) -> bool:
    first, text = values[0], repr(values[0])
    return any(value is not first and repr(value) != text for value in values)
