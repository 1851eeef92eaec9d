"""The arrays of an HDF5 file: only what lies in it, and was written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import h5py
import numpy as np

from trainers.common.activations.hdf5_members import check_link
from trainers.common.activations.hdf5_whole import check_whole
from trainers.common.damaged import reading
from trainers.common.errors import BadInput
from trainers.tabular.data.reading.stored import StoredArray


@contextmanager
def opened_hdf5(path: Path) -> Iterator[Mapping[str, StoredArray]]:
    """Give the arrays of a file by their names.

    Raises BadInput for links to other files, and for values that are not in the file or were never written.
    """
    with reading(path, "HDF5"), h5py.File(path, "r") as file:
        yield {name: _stored(path, name, data) for name, data in _datasets(path, file).items()}


def _datasets(path: Path, file: h5py.File) -> dict[str, h5py.Dataset]:
    groups: list[h5py.Group] = [file]
    found: dict[str, h5py.Dataset] = {}

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Group):
            groups.append(item)
        elif isinstance(item, h5py.Dataset) and item.ndim in (1, 2):
            found[name] = item

    file.visititems(visit)
    for group in groups:
        for name in group:
            check_link(path, group, name)
    return found


def _stored(path: Path, name: str, data: h5py.Dataset) -> StoredArray:
    if data.dtype.kind == "O" and h5py.check_string_dtype(data.dtype) is None:
        raise BadInput(f"{path}: {name!r} holds references or lists, neither numbers nor texts")
    check_whole(path, data, f"/{name}")

    def read(column: int | None) -> np.ndarray:
        values: np.ndarray = data[:] if column is None else data[:, column]
        return values

    return StoredArray(data.shape, read)
