"""JSON objects in files: what a training wrote, and what a flag names.  Needs no torch."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainers.common.errors import BadInput


def read_json_file(path: Path) -> dict[str, Any]:
    """Return a JSON object; BadInput where there is none."""
    return _object(
        path, lambda error: f"{path}: missing or not JSON ({error})", f"{path}: must be a JSON object"
    )


def read_flag_json(flag: str, path: Path, kind: str = "a JSON object") -> dict[str, Any]:
    """Return the JSON object in a file that a flag names; BadInput, which names the flag and the `kind`."""
    told = f"{flag} {path}"
    return _object(path, lambda error: f"{told}: cannot be read as JSON: {error}", f"{told}: must be {kind}")


def _object(path: Path, unreadable: Callable[[Exception], str], other: str) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BadInput(unreadable(error)) from error
    if not isinstance(value, dict):
        raise BadInput(other)
    return value
