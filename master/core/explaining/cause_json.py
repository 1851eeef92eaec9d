"""Causes as JSON, from a running master to who asks it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from master.core.explaining.causes import Cause, Hindrance, Obstacle, Why


def to_json(cause: Cause) -> dict[str, Any]:
    """Return a cause ready for JSON; times are Unix times."""
    return asdict(cause)


def from_json(told: Mapping[str, Any]) -> Cause:
    """Undo `to_json`.  Raises ValueError, LookupError, TypeError where something else is in its place."""
    base = told["of_base"]
    hindrances = (
        Hindrance(**{**each, "obstacle": Obstacle(each["obstacle"])}) for each in told["hindrances"]
    )
    return Cause(
        **{
            **told,
            "why": Why(told["why"]),
            "hindrances": tuple(hindrances),
            "of_base": None if base is None else from_json(base),
        }
    )
