"""The arrays of an NPZ file: what their headers claim is checked before they are read."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from pathlib import Path

import numpy as np

from trainers.common.damaged import reading
from trainers.common.errors import BadInput
from trainers.tabular.data.reading.room import check_room
from trainers.tabular.data.reading.stored import DENSEST, StoredArray, refused

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


@contextmanager
def opened_npz(path: Path) -> Iterator[Mapping[str, StoredArray]]:
    """Give the arrays of a file by their names.  Objects, and what is not there, are refused when read."""
    with reading(path, "NPZ of plain arrays"), zipfile.ZipFile(path) as archive:
        stored = {entry.filename: _stored(path, archive, entry) for entry in archive.infolist()}
        yield {
            name.removesuffix(".npy"): array
            for name, array in stored.items()
            if array.shape is None or len(array.shape) in (1, 2)
        }


def _stored(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> StoredArray:
    try:
        shape = _shape(path, archive, entry)
    except (BadInput, ValueError) as error:
        return refused(error)
    return StoredArray(shape, _reader(path, archive, entry, shape))


def _shape(path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[int, ...]:
    """Return the shape that an array claims, and its part of the file can hold."""
    with archive.open(entry) as stream:
        version = np.lib.format.read_magic(stream)
        if version not in _HEADERS:
            raise ValueError(f"{entry.filename} is of version {version}")
        shape, _, dtype = _HEADERS[version](stream)
        begins = stream.tell()
    if dtype.hasobject:
        raise ValueError(f"{entry.filename} holds objects, which may hide a program")
    size = prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or begins + size != entry.file_size:
        raise BadInput(f"{path}: {entry.filename} claims shape {shape}, which is not what the file holds")
    if entry.file_size > DENSEST * max(entry.compress_size, 1):
        raise BadInput(
            f"{path}: {entry.filename} claims {entry.file_size} bytes, more than the file can hold"
        )
    return tuple(shape)


def _reader(
    path: Path, archive: zipfile.ZipFile, entry: zipfile.ZipInfo, shape: tuple[int, ...]
) -> Callable[[int | None], np.ndarray]:
    kept: list[np.ndarray] = []

    def read(column: int | None) -> np.ndarray:
        if not kept:
            check_room(path, prod(shape))
            with archive.open(entry) as stream:
                kept.append(np.lib.format.read_array(stream, allow_pickle=False))
        return kept[0] if column is None else kept[0][:, column]

    return read
