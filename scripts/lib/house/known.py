"""The recorded outliers: a list that may only shrink."""

from __future__ import annotations

import json
from pathlib import Path

from scripts.lib.house.limits import Outliers

FILE = "scripts/lib/house/known_outliers.json"


def recorded(root: Path) -> Outliers:
    """Return the outliers that a checkout records, each with the size that it may not exceed."""
    path = root / FILE
    known: Outliers = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return known


def grown(found: Outliers, known: Outliers) -> list[str]:
    """Return what lies outside a limit and is not recorded, or larger than recorded."""
    return [
        f"{name}: {size}, recorded with at most {known[name]}" if name in known else f"{name}: {size}"
        for name, size in sorted(found.items())
        if size > known.get(name, 0)
    ]


def outdated(found: Outliers, known: Outliers) -> list[str]:
    """Return what the record allows and nothing needs any more."""
    return [
        f"{name}: {found.get(name, 0)}, recorded with {size}"
        for name, size in sorted(known.items())
        if found.get(name, 0) < size
    ]


def shrink(found: Outliers, root: Path) -> None:
    """Lower the record to what is found; nothing is added and nothing grows."""
    kept = {name: min(size, found[name]) for name, size in recorded(root).items() if name in found}
    (root / FILE).write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n", "utf-8")
