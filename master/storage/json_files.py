"""JSON in files of a run: our own, which somebody may have changed, and what a worker sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_json(path: Path) -> Any:
    """Return what a file says as JSON.  Raises OSError, and ValueError for anything else in it."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
