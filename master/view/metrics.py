"""The figures of collected experiments, and which of them make a table's columns."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from master.core.running.summary import as_number

Metrics = Mapping[str, float]

FILE = "metrics.json"
_LARGEST = 1 << 20
_TITLES = {
    "best_target_model_target_test_f1": "test F1",
    "best_base_model_target_test_f1": "base F1",
    "best_target_model_target_test_loss": "test loss",
    "best_target_model_target_test_accuracy": "test acc.",
}
_MOST = 3


def read_metrics(result: Path) -> dict[str, float]:
    """Return the finite numbers at the top level of a result's `metrics.json`; none if it cannot be read."""
    path = result / FILE
    try:
        if path.stat().st_size > _LARGEST:
            return {}
        found: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {name: number for name, value in found.items() if (number := as_number(value)) is not None}


def columns(rows: Iterable[Metrics]) -> list[str]:
    """Return the few metrics to show: the usual ones of a two-phase run, else the first that there are."""
    present = dict.fromkeys(name for row in rows for name in row)
    usual = [name for name in _TITLES if name in present]
    return (usual or list(present))[:_MOST]


def title(name: str) -> str:
    """Return a column's heading."""
    return _TITLES.get(name, name)
