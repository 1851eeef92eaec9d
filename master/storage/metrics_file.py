"""The file in which a script leaves what it reached, in the directory of its result."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from master.core.json_values import as_number
from master.storage.json_files import read_json

FILE = "metrics.json"
OF_BASE_MODELS = "base_metrics.json"
"""What scripts call it that make base models and results alike."""
_LARGEST = 1 << 20


def read_metrics(result: Path) -> dict[str, float]:
    """Return the finite numbers at the top level of a result's `metrics.json`; none if it cannot be read."""
    return metrics_json(result)[0]


def base_metrics(base_model: Path) -> dict[str, float]:
    """Return the finite numbers that a base model was left with; none if they cannot be read."""
    return metrics_json(base_model)[0] or metrics_json(base_model, OF_BASE_MODELS)[0]


def metrics_json(result: Path, name: str = FILE) -> tuple[dict[str, float], str]:
    """Return the finite numbers at the top level of a result's `metrics.json`, and why it cannot be read."""
    path = result / name
    try:
        if path.stat().st_size > _LARGEST:
            return {}, f"{name} is larger than {_LARGEST >> 20} MiB"
        found: Any = read_json(path)
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        return {}, f"{name} cannot be read: {error.strerror}"
    except ValueError:
        return {}, f"{name} is not JSON"
    if not isinstance(found, dict):
        return {}, f"{name} is no object of names and numbers"
    return {key: number for key, value in found.items() if (number := as_number(value)) is not None}, ""
