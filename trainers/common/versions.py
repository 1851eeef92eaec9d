"""Which version of itself a trainer is."""

from __future__ import annotations

import json
from pathlib import Path


def version_in(folder: Path) -> str:
    """Return the version in a trainer's manifest; `python -m scripts.record_trainer` raises it."""
    version: str = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["version"]
    return version
