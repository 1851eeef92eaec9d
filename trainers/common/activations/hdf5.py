"""HDF5 files: opening them, and describing the activations [N, D] inside without reading them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.common.activations.hdf5_whole import check_whole
from trainers.common.activations.matrix import Read
from trainers.common.errors import BadInput
from trainers.common.memory import is_out_of_memory


@dataclass(frozen=True)
class StoredMatrix:
    """Activations [N, D] of a file, described and not read."""

    path: Path
    dataset: str
    """Name of the activations inside the file."""
    n_rows: int
    n_features: int
    dtype: np.dtype
    map_offset: int | None
    """Byte at which contiguous activations begin; None if they are chunked, packed or compressed."""
    chunk_rows: int
    """Rows of a stored chunk, 1 if the dataset is contiguous."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The one file."""
        return (self.path,)

    @property
    def selection(self) -> str:
        """The dataset's name."""
        return self.dataset

    @property
    def where(self) -> str:
        """The dataset as error messages name it."""
        return f"{self.path}: {self.dataset}"

    @property
    def what(self) -> str:
        """What error messages call these rows."""
        return "the dataset"

    @property
    def stored(self) -> torch.dtype:
        """The type of the activations in this machine's byte order."""
        return torch.from_numpy(np.empty(0, self.dtype.newbyteorder("="))).dtype

    @contextmanager
    def opened(self) -> Iterator[Read]:
        """Open the file, for reads of rows as they are stored."""
        with open_hdf5(self.path) as file:
            data: h5py.Dataset = file[self.dataset]

            def read(start: int, stop: int) -> Tensor:
                return torch.from_numpy(native(data[start:stop]))

            yield read


def native(array: NDArray) -> NDArray:
    """Return the array in this machine's byte order, which torch insists on."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


@contextmanager
def open_hdf5(path: Path) -> Iterator[h5py.File]:
    """Open `path` for reading; raises BadInput where it is missing, locked, truncated or no HDF5 file.

    What h5py raises inside the block about a damaged file becomes BadInput too.
    """
    check_is_file(path)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise BadInput(f"{path}: {_why_not_opened(error)}") from error
    try:
        with file:
            yield file
    except (OSError, RuntimeError, KeyError, TypeError, ValueError) as error:
        if is_out_of_memory(error):
            raise
        raise BadInput(f"{path}: cannot be read, perhaps truncated or damaged ({error})") from error


def check_is_file(path: Path) -> None:
    """Raise BadInput where there is no file, telling a link to nothing from nothing."""
    if path.is_symlink() and not path.exists():
        raise BadInput(f"{path}: its link's target is gone: {path.readlink()}")
    if not path.is_file():
        raise BadInput(f"{path}: no such file")


def _why_not_opened(error: OSError) -> str:
    if isinstance(error, BlockingIOError) or "unable to lock file" in str(error):
        return "is locked by a writer; wait until the program that writes it has closed it"
    if "already open for write" in str(error):
        return (
            "is marked as open by a writer, which still runs or died; wait for it, or clear the mark with "
            "h5clear -s if it died and what it wrote is whole"
        )
    return f"truncated or not an HDF5 file ({error})"


def describe(path: Path, data: h5py.Dataset, name: str) -> StoredMatrix:
    """Describe activations; raises BadInput where they have another form, or would be read wrongly.

    `name`: where the dataset was asked for, which for a linked one is not the name that it has itself.
    """
    if data.ndim != 2 or data.shape[1] == 0:
        raise BadInput(f"{path}: {name} has shape {data.shape}, must be [examples, features]")
    if data.shape[0] == 0:
        raise BadInput(f"{path}: {name} is empty; every split needs examples")
    if data.dtype.kind != "f" or data.dtype.itemsize not in (2, 4, 8):
        raise BadInput(f"{path}: {name} holds {data.dtype}, must be float16, float32 or float64")
    check_whole(path, data, name)
    return StoredMatrix(
        path=path,
        dataset=name,
        n_rows=data.shape[0],
        n_features=data.shape[1],
        dtype=data.dtype,
        map_offset=_map_offset(data),
        chunk_rows=data.chunks[0] if data.chunks else 1,
    )


def _map_offset(data: h5py.Dataset) -> int | None:
    offset = data.id.get_offset() if data.chunks is None else None
    return None if offset is None or not data.dtype.isnative else int(offset)
