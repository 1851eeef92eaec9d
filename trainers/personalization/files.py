"""The files that a training writes: their names, and how they appear whole or not at all."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

BEST_BASE_MODEL = "best_base_model.pt"
LAST_BASE_MODEL = "last_base_model.pt"
BASE_METRICS = "base_metrics.json"
BASE_LOSSES = "base_losses.json"
BASE_CONFIG = "base_config.json"

BEST_TARGET_MODEL = "best_target_model.pt"
METRICS = "metrics.json"
LOSSES = "losses.json"
HYPERPARAMETERS = "hyperparameters.json"
LOSS_PLOT = "loss.png"
F1_PLOT = "f1.png"

CHECKPOINT = "training_state.pt"


def write_bytes(path: Path, content: bytes) -> None:
    """Put `content` at `path`, creating its folder; a reader sees the old file or the new, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Always the same name, so that the next attempt replaces what a killed one left.
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        temporary.write_bytes(content)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Put `value` at `path` as JSON; ValueError for NaN and infinities."""
    write_bytes(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def write_tensors(path: Path, value: Mapping[str, Any]) -> None:
    """Put `value` at `path` so that `torch.load(path, weights_only=True)` returns it.

    Equal values give equal bytes.
    """
    # Saved by way of memory: torch.save writes the name of the file into the file.
    buffer = io.BytesIO()
    torch.save(dict(value), buffer)
    write_bytes(path, buffer.getvalue())


def read_tensors(path: Path) -> dict[str, Any]:
    """Return what `write_tensors` wrote.

    FileNotFoundError where it is missing, ValueError where it is anything else.
    """
    try:
        value = torch.load(path, weights_only=True, map_location="cpu")
    except FileNotFoundError:
        raise
    except (OSError, RuntimeError, EOFError, KeyError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path}: cannot be read as tensors written by torch.save") from error
    if not isinstance(value, dict):
        raise ValueError(f"{path}: holds {type(value).__name__}, a dict is needed")
    return value
