"""Activations in `.npy` and `.safetensors` files, mapped or read whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from trainers.common.activations.hdf5 import check_is_file
from trainers.common.activations.rows import block_rows
from trainers.common.errors import BadInput

FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


def read_npy(path: Path) -> Tensor:
    """Return the array of a `.npy` file [N, D], mapped: its pages are read as they are needed."""
    check_is_file(path)
    try:
        array = np.load(path, mmap_mode="c", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"{path}: truncated or not a .npy file of numbers ({error})") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind != "f" or not array.dtype.isnative:
        raise BadInput(
            f"{path}: must be one array of float16, float32 or float64 in this machine's byte order"
        )
    return _matrix(torch.from_numpy(array), str(path))


def read_safetensors(path: Path, layer: int | None) -> Tensor:
    """Return the tensor of a layer: `layer_<n>`, else `activations`, else the only one of the file."""
    from safetensors import SafetensorError, safe_open

    check_is_file(path)
    try:
        with safe_open(path, framework="pt") as file:
            names = list(file.keys())
            return _matrix(file.get_tensor(_chosen(path, names, layer)), str(path))
    except (OSError, SafetensorError) as error:
        raise BadInput(f"{path}: truncated or not a safetensors file ({error})") from error


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


def _matrix(x: Tensor, where: str) -> Tensor:
    if x.ndim != 2 or not x.numel():
        raise BadInput(f"{where}: has shape {list(x.shape)}, must be [examples, features] and not empty")
    if x.dtype not in FLOATS:
        raise BadInput(f"{where}: holds {x.dtype}, must be float16, bfloat16, float32 or float64")
    return x


def check_finite(x_ND: Tensor, where: str) -> None:
    """Raise BadInput where a value is NaN or infinite, with how many and the first row."""
    start = 0
    for block in x_ND.split(block_rows(x_ND.shape[1], x_ND.element_size())):
        low, high = torch.aminmax(block)
        if not (torch.isfinite(low) and torch.isfinite(high)):
            bad = ~torch.isfinite(block)
            raise BadInput(
                f"{where}: {int(bad.sum())} NaN or infinite values from row {start} on, the first in row "
                f"{start + int(bad.any(1).nonzero()[0])}; activations must be finite"
            )
        start += len(block)
