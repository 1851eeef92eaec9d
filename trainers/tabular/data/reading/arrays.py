"""Named arrays as columns: NPZ and HDF5.  A matrix `x` [N, F] is F columns x_0, x_1, …"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import numpy as np

from trainers.common.errors import BadInput
from trainers.tabular.data.reading.hdf5 import opened_hdf5
from trainers.tabular.data.reading.npz import opened_npz
from trainers.tabular.data.reading.room import check_room
from trainers.tabular.data.reading.stored import StoredArray

_PART = re.compile(r"(?P<name>.+)_(?P<number>\d+)", re.DOTALL)


Opened = Callable[[Path], AbstractContextManager[Mapping[str, StoredArray]]]


def names(path: Path) -> list[str]:
    """Return the names of all columns, of those too that are refused when they are read."""
    with _opened(path) as arrays:
        return [name for array in arrays for name in _names_of(array, arrays[array].shape)]


def columns(path: Path, wanted: Sequence[str]) -> dict[str, np.ndarray]:
    """Return these columns: float64 with NaN for what is missing, or text.

    Raises BadInput where they are no columns of one table.  What else is in the file does not matter.
    """
    with _opened(path) as arrays:
        asked = dict.fromkeys(_place(arrays, name)[0] for name in wanted)
        check_room(path, len(wanted) * _rows(path, {name: arrays[name] for name in asked}))
        return {name: _column(path, arrays, name) for name in wanted}


def _rows(path: Path, asked: Mapping[str, StoredArray]) -> int:
    """Return how many rows arrays have; 0 where all are refused anyway."""
    lengths = {name: array.shape[0] for name, array in asked.items() if array.shape}
    if len({*lengths.values()}) > 1:
        told = ", ".join(f"{name} {length}" for name, length in lengths.items())
        raise BadInput(f"{path}: the arrays have different numbers of rows ({told})")
    return next(iter(lengths.values()), 0)


@contextmanager
def _opened(path: Path) -> Iterator[Mapping[str, StoredArray]]:
    opened: Opened = opened_npz if path.suffix.lower() == ".npz" else opened_hdf5
    with opened(path) as arrays:
        if not arrays:
            raise BadInput(f"{path}: holds no arrays of one or two dimensions")
        yield arrays


def _names_of(name: str, shape: tuple[int, ...] | None) -> list[str]:
    if shape is None or len(shape) == 1:
        return [name]
    return [f"{name}_{number}" for number in range(shape[1])]


def _place(arrays: Mapping[str, StoredArray], name: str) -> tuple[str, int | None]:
    """Return the array that a column is in, and which of a matrix it is."""
    part = None if name in arrays else _PART.fullmatch(name)
    return (name, None) if part is None else (part["name"], int(part["number"]))


def _column(path: Path, arrays: Mapping[str, StoredArray], name: str) -> np.ndarray:
    array, number = _place(arrays, name)
    values = arrays[array].read(number)
    if values.dtype.kind in "OS":
        texts = [one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in values]
        return np.array(texts, dtype=object)
    if values.dtype.kind in "Ub":
        return values.astype(str).astype(object)
    if values.dtype.kind not in "iuf":
        raise BadInput(f"{path}: column {name!r} holds {values.dtype}, neither numbers nor texts")
    return np.asarray(values, dtype=np.float64)
