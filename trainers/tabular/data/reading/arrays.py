"""Named arrays as columns: NPZ and HDF5.  A matrix `x` [N, F] is F columns x_0, x_1, …"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from trainers.common.errors import BadInput

_PART = re.compile(r"(?P<name>.+)_(?P<number>\d+)")
Member = Callable[[slice | tuple[slice, int]], np.ndarray]


def names(path: Path) -> list[str]:
    """Return the names of all columns; BadInput where the arrays are no columns of one table."""
    with _opened(path) as arrays:
        return [name for array in arrays for name in _names_of(array, arrays[array].shape)]


def columns(path: Path, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    """Return these columns: float64 with NaN for what is missing, or text."""
    with _opened(path) as arrays:
        return {name: _column(arrays, name) for name in wanted}


@contextmanager
def _opened(path: Path) -> Iterator[Mapping[str, Any]]:
    opened = _npz if path.suffix.lower() == ".npz" else _hdf5
    with opened(path) as arrays:
        lengths = {name: array.shape[0] for name, array in arrays.items()}
        if not lengths:
            raise BadInput(f"{path}: holds no arrays of one or two dimensions")
        if len({*lengths.values()}) > 1:
            told = ", ".join(f"{name} {length}" for name, length in lengths.items())
            raise BadInput(f"{path}: the arrays have different numbers of rows ({told})")
        yield arrays


@contextmanager
def _npz(path: Path) -> Iterator[dict[str, np.ndarray]]:
    try:
        with np.load(path, allow_pickle=False) as file:
            yield {name: file[name] for name in file.files if file[name].ndim in (1, 2)}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise BadInput(f"{path}: cannot be read as NPZ of plain arrays: {error}") from error


@contextmanager
def _hdf5(path: Path) -> Iterator[dict[str, h5py.Dataset]]:
    found: dict[str, h5py.Dataset] = {}

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset) and item.ndim in (1, 2):
            found[name] = item

    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise BadInput(f"{path}: cannot be read as HDF5: {error}") from error
    with file:
        file.visititems(visit)
        yield found


def _names_of(name: str, shape: tuple[int, ...]) -> list[str]:
    return [name] if len(shape) == 1 else [f"{name}_{number}" for number in range(shape[1])]


def _column(arrays: Mapping[str, Any], name: str) -> np.ndarray:
    part = None if name in arrays else _PART.fullmatch(name)
    values = arrays[name][:] if part is None else arrays[part["name"]][:, int(part["number"])]
    if values.dtype.kind in "OS":
        texts = [one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in values]
        return np.array(texts, dtype=object)
    if values.dtype.kind in "Ub":
        return values.astype(str).astype(object)
    return np.asarray(values, dtype=np.float64)
