"""Files of a saved model: tensors as safetensors; what else is known of it is in JSON files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

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
