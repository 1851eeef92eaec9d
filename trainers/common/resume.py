"""Fingerprints: what results came from, so that a later attempt goes on with its own and with no others."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_LONGEST = 60


def as_json(value: Any) -> Any:
    """Return a value as JSON holds it: tuples are lists, paths are texts, NaN and infinities are null."""
    if isinstance(value, Mapping):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    if isinstance(value, Path):
        return str(value)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Say in which values one fingerprint differs from another; empty where in none."""
    old, new = as_json(before), as_json(now)
    different = sorted(key for key in {*old, *new} if _differ(old.get(key), new.get(key)))
    return "; ".join(f"{key} was {_short(old.get(key))}, is {_short(new.get(key))}" for key in different)


def _differ(one: object, other: object) -> bool:
    try:
        return bool(one != other)
    except (RuntimeError, ValueError):  # of tensors, which are in no fingerprint
        return True


def _short(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "…"
