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
from trainers.tabular.data.reading.stored import StoredArray, refused


@contextmanager
def opened_hdf5(path: Path) -> Iterator[Mapping[str, StoredArray]]:
    """Give the arrays of a file by their names.

    Links to other files, and arrays whose values are not in the file or were never written, are refused when
    they are read.
    """
    with reading(path, "HDF5"), h5py.File(path, "r") as file:
        groups: dict[str, h5py.Group] = {"": file}
        found: dict[str, StoredArray] = {}

        def visit(name: str, item: object) -> None:
            if isinstance(item, h5py.Group):
                groups[f"{name}/"] = item
            elif isinstance(item, h5py.Dataset) and item.ndim in (1, 2):
                found[name] = _stored(path, name, item)

        file.visititems(visit)
        links = (_links_away(path, group, above) for above, group in groups.items())
        yield {**found, **{name: array for here in links for name, array in here.items()}}


def _links_away(path: Path, group: h5py.Group, above: str) -> dict[str, StoredArray]:
    """Return the links of a group that lead out of the file, or nowhere: there may be a column behind one."""
    found = {}
    for name in group:
        try:
            check_link(path, group, name)
        except BadInput as error:
            found[above + name] = refused(error)
    return found


def _stored(path: Path, name: str, data: h5py.Dataset) -> StoredArray:
    try:
        if data.dtype.kind == "O" and h5py.check_string_dtype(data.dtype) is None:
            raise BadInput(f"{path}: {name!r} holds references or lists, neither numbers nor texts")
        check_whole(path, data, f"/{name}")
    except BadInput as error:
        return refused(error)

    def read(column: int | None) -> np.ndarray:
        values: np.ndarray = data[:] if column is None else data[:, column]
        return values

    return StoredArray(data.shape, read)
