"""Files of a saved model: tensors as safetensors, what else is known of it as a JSON object."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from trainers.common.errors import BadInput
from trainers.common.files import write_bytes


def read_tensors_file(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file; BadInput where there are none."""
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise BadInput(f"{path}: missing, truncated or not a safetensors file ({error})") from error


def write_tensors_file(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Put tensors at `path`, whole or not at all."""
    write_bytes(path, save({name: value.detach().cpu().contiguous() for name, value in tensors.items()}))


def read_json_file(path: Path) -> dict[str, Any]:
    """Return a JSON object; BadInput where there is none."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BadInput(f"{path}: missing or not JSON ({error})") from error
    if not isinstance(value, dict):
        raise BadInput(f"{path}: must be a JSON object")
    return value
