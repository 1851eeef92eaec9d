"""The figures of collected experiments, and which of them make a table's columns."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from master.core.running.summary import as_number

Metrics = Mapping[str, float]

FILE = "metrics.json"
_LARGEST = 1 << 20
_TITLES = {
    "best_target_model_target_test_f1": "test F1",
    "baseline_forest_target_test_f1": "forest F1",
    "baseline_logistic_regression_target_test_f1": "logistic F1",
    "best_base_model_target_test_f1": "base F1",
    "best_target_model_target_test_loss": "test loss",
    "best_target_model_target_test_accuracy": "test acc.",
}
_MOST = 3
_FITTED_F1 = "best_target_model_target_test_f1"
_BASELINE_F1 = re.compile(r"baseline_(.+)_target_test_f1")


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


def absence(of_jobs: Mapping[str, Metrics]) -> list[str]:
    """Say that no job that succeeded left figures, where that is so; `of_jobs` are by job id."""
    if not of_jobs or any(of_jobs.values()):
        return []
    return [f"no job left a {FILE} with numbers: the table has no results"]


def columns(rows: Iterable[Metrics]) -> list[str]:
    """Return the few metrics to show: the usual ones of a two-phase run, else the first that there are."""
    present = dict.fromkeys(name for row in rows for name in row)
    usual = [name for name in _TITLES if name in present]
    return (usual or list(present))[:_MOST]


def title(name: str) -> str:
    """Return a column's heading."""
    return _TITLES.get(name, name)


def has_baseline(row: Metrics) -> bool:
    """Return whether an experiment tells what its model has to beat."""
    return any(map(_BASELINE_F1.fullmatch, row))


def beaten(rows: Iterable[Metrics]) -> list[str]:
    """Say how many fitted models a baseline of the same experiment beats, a line for each baseline."""
    scored = [row for row in rows if _FITTED_F1 in row]
    found: dict[str, list[bool]] = {}
    for row in scored:
        for name, value in row.items():
            if match := _BASELINE_F1.fullmatch(name):
                found.setdefault(match[1].replace("_", " "), []).append(value > row[_FITTED_F1])
    return [
        f"A {name} has a better F1 than the fitted model in {sum(worse):,} of {len(worse):,} experiments."
        for name, worse in found.items()
        if any(worse)
    ]
