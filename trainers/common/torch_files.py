"""Files of torch, which may come from anybody: dense tensors and plain data, no more than the file has."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainers.common.errors import BadInput
from trainers.common.memory import is_out_of_memory
from trainers.common.plain_pickles import check_plain

_REPEATED = 1 << 24
"""Bytes that a tensor may have by repetition of the few that are stored, as `expand` makes them."""


def load_checkpoint(path: Path) -> Any:
    """Return what a file of torch holds: dense tensors on the CPU and plain data, never code.

    FileNotFoundError where it is missing, ValueError where it is anything else, BadInput where torch is older
    than 2.6, whose `weights_only` can be tricked (CVE-2025-32434).
    """
    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < (2, 6):
        found = f"torch {torch.__version__} may run code that is hidden in {path}"
        raise BadInput(f"{found} (CVE-2025-32434): pip install 'torch>=2.6'")
    try:
        check_plain(path)
        value = torch.load(path, weights_only=True, map_location="cpu")
        _check_tensors(value, path.stat().st_size)
    except FileNotFoundError:
        raise
    except Exception as error:  # torch's reader answers damage with whatever comes up
        if is_out_of_memory(error):
            raise
        why = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ValueError(f"{path}: cannot be read as tensors written by torch.save: {why:.200}") from error
    return value


def _check_tensors(value: object, size: int) -> None:
    """Raise ValueError for tensors of another kind, or of more bytes than a file of this size has."""
    storages: dict[int, int] = {}
    for tensor in _tensors(value):
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
            raise ValueError(f"it holds a tensor that is not dense: {tensor.layout}, {tensor.device}")
        storage = tensor.untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
        if tensor.numel() * tensor.itemsize > max(storage.nbytes(), _REPEATED):
            raise ValueError(f"it holds a tensor of shape {list(tensor.shape)}, of which most is not there")
    if sum(storages.values()) > size:
        raise ValueError(f"it claims {sum(storages.values())} bytes of tensors, and has {size}")


def _tensors(value: object) -> Iterator[Tensor]:
    """Yield all tensors in a value; what is in it more than once is looked at once."""
    seen: set[int] = set()
    left = [value]
    while left:
        item = left.pop()
        if isinstance(item, Tensor):
            yield item
        elif isinstance(item, (dict, list, tuple, set)) and id(item) not in seen:
            seen.add(id(item))
            left.extend(item)
            if isinstance(item, dict):
                left.extend(item.values())
