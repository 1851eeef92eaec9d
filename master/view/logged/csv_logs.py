"""Logs of training libraries in CSV, such as Lightning's `metrics.csv`: a row a step, most cells empty."""

from __future__ import annotations

import csv
from pathlib import Path

from master.core.results.curves import Curves

NAMES = ("metrics.csv", "log.csv", "history.csv", "training_log.csv", "progress.csv")
"""Of files; the first kind that there is counts."""
_LARGEST = 64 << 20
_COUNTERS = frozenset({"epoch", "step", "", "time", "timestamp", "iteration"})


def read_csv_log(path: Path) -> Curves:
    """Return the columns that hold numbers, without counters and empty cells.

    Raises ValueError for what is no such log, OSError.
    """
    if path.stat().st_size > _LARGEST:
        raise ValueError(f"{path.name} is larger than {_LARGEST >> 20} MiB")
    with path.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
        try:
            rows = list(csv.DictReader(stream))
        except csv.Error as error:
            raise ValueError(f"{path.name} is no CSV: {error}") from error
    names = [name for name in (rows[0] if rows else {}) if name and name.lower() not in _COUNTERS]
    columns = {
        name: [number for row in rows if (number := _number(row.get(name))) is not None] for name in names
    }
    return {name: values for name, values in columns.items() if values}


def _number(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except (TypeError, ValueError):
        return None
