"""Activations in `.npy` and `.safetensors` files, described and not read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from trainers.common.activations.hdf5 import check_is_file
from trainers.common.activations.matrix import RawMatrix
from trainers.common.damaged import told
from trainers.common.errors import BadInput
from trainers.common.memory import is_out_of_memory

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
LENGTH_BYTES = 8
"""A safetensors file begins with the length of its header."""
TYPES = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64}


def npy_matrix(path: Path) -> RawMatrix:
    """Describe the array of a `.npy` file [N, D]."""
    check_is_file(path)
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # numpy parses the header as Python
        if is_out_of_memory(error):
            raise
        raise BadInput(f"{path}: truncated or not a .npy file of numbers ({told(error)})") from error
    if not isinstance(array, np.memmap) or array.dtype.kind != "f" or not array.dtype.isnative:
        raise BadInput(
            f"{path}: must be one array of float16, float32 or float64 in this machine's byte order"
        )
    if array.ndim == 2 and not array.flags.c_contiguous:
        raise BadInput(f"{path}: lies column by column; write it with numpy.ascontiguousarray")
    stored = torch.from_numpy(np.empty(0, array.dtype)).dtype
    return _matrix(path, "", array.shape, stored, array.offset)


def safetensors_matrix(path: Path, layer: int | None) -> RawMatrix:
    """Describe the tensor of a layer: `layer_<n>`, else `activations`, else the only one of the file."""
    from safetensors import SafetensorError, safe_open

    check_is_file(path)
    try:
        with safe_open(path, framework="pt") as file:  # which checks the header against the file
            name = _chosen(path, list(file.keys()), layer)
        about, begin = _header(path)
    except (OSError, SafetensorError) as error:
        raise BadInput(f"{path}: truncated or not a safetensors file ({error})") from error
    stored = TYPES.get(about[name]["dtype"])
    if stored is None:
        raise BadInput(f"{path}: {name} holds {about[name]['dtype']}, must be of {', '.join(TYPES)}")
    return _matrix(path, name, tuple(about[name]["shape"]), stored, begin + about[name]["data_offsets"][0])


def _header(path: Path) -> tuple[dict, int]:
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(LENGTH_BYTES), "little")
        return json.loads(stream.read(length)), LENGTH_BYTES + length


def _chosen(path: Path, names: list[str], layer: int | None) -> str:
    wanted = [
        f"layer_{layer}",
        f"layer_{layer}.activations",
        "activations",
        *(names if len(names) == 1 else []),
    ]
    found = next((name for name in wanted if name in names), None)
    others = [name for name in names if name.startswith("layer_")]
    if found is None or (layer is not None and others and found not in wanted[:2]):
        raise BadInput(f"{path}: no tensor 'layer_{layer}' and no 'activations'; it holds {', '.join(names)}")
    return found


def _matrix(path: Path, name: str, shape: tuple[int, ...], stored: torch.dtype, offset: int) -> RawMatrix:
    if len(shape) != 2 or not shape[0] * shape[1]:
        raise BadInput(f"{path}: has shape {list(shape)}, must be [examples, features] and not empty")
    return RawMatrix(path, shape[0], shape[1], stored, offset, name)
