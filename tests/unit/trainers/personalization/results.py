"""What jobs have written, read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read(path: Path) -> dict[str, Any]:
    """Return a JSON object."""
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def metrics(tmp_path: Path, name: str) -> dict[str, Any]:
    """Return the figures of a job that was run by the fixture `run`."""
    return read(tmp_path / name / "output" / "metrics.json")
