"""What the scripts of this folder share: how they leave their figures."""

from __future__ import annotations

import json
from pathlib import Path


def write_metrics(folder: Path, **metrics: float) -> None:
    """Write `metrics.json` into `folder`, which is made where it is missing, and say the figures."""
    folder.mkdir(parents=True, exist_ok=True)
    rounded = {name: round(float(value), 6) for name, value in metrics.items()}
    (folder / "metrics.json").write_text(json.dumps(rounded, indent=2) + "\n", encoding="utf-8")
    print("  ".join(f"{name} {value}" for name, value in rounded.items()))
