"""The file in which a script leaves what it reached, in the directory of its result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from master.core.json_values import as_number
from master.storage.json_files import read_json

FILE = "metrics.json"
_LARGEST = 1 << 20


def read_metrics(result: Path) -> dict[str, float]:
    """Return the finite numbers at the top level of a result's `metrics.json`; none if it cannot be read."""
    return metrics_json(result)[0]


def metrics_json(result: Path) -> tuple[dict[str, float], str]:
    """Return the finite numbers at the top level of a result's `metrics.json`, and why it cannot be read."""
    path = result / FILE
    try:
        if path.stat().st_size > _LARGEST:
            return {}, f"{FILE} is larger than {_LARGEST >> 20} MiB"
        found: Any = read_json(path)
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        return {}, f"{FILE} cannot be read: {error.strerror}"
    except ValueError:
        return {}, f"{FILE} is not JSON"
    if not isinstance(found, dict):
        return {}, f"{FILE} is no object of names and numbers"
    return {name: number for name, value in found.items() if (number := as_number(value)) is not None}, ""
