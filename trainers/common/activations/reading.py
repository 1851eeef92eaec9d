"""One way to activations, whatever file they lie in.

.h5 .hdf5      `<split>/activations`, below `layer_<n>` where there is such a group, or `activations` alone
.parquet       columns `activation` and `layer_idx`; a folder holds shards, or one file a layer
.safetensors   `layer_<n>`, or `activations`, or the only tensor
.npy           one array
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import h5py
import torch

from trainers.common.activations.arrays import npy_matrix, safetensors_matrix
from trainers.common.activations.hdf5 import StoredMatrix, describe, open_hdf5
from trainers.common.activations.hdf5_members import member
from trainers.common.activations.loading import load_rows, stream_rows
from trainers.common.activations.matrix import Matrix, RawMatrix
from trainers.common.activations.parquet import ParquetRows
from trainers.common.activations.parquet_files import find_parquet
from trainers.common.activations.prepared import Prepared
from trainers.common.activations.rows import Rows
from trainers.common.errors import BadInput

HDF5 = (".h5", ".hdf5")
SUFFIXES = (*HDF5, ".parquet", ".safetensors", ".npy")


@dataclass(frozen=True)
class Wanted:
    """What is to be read of a file, and how it is to be held."""

    layer: int | None = None
    split: str = "train"
    """Of HDF5 files, which have splits."""
    dtype: torch.dtype = torch.float32
    limit: int | None = None
    """Rows at most, the first ones."""
    memory: int = 1 << 62
    """Bytes that rows may take; those that need more are streamed."""


def read_rows(path: Path, wanted: Wanted, prepared: Prepared | None = None) -> Rows:
    """Return the activations of a file; BadInput where it has none of that layer, or cannot be trusted.

    `prepared`: where what costs to read is taken from and kept.
    """
    matrix = matrix_of(path, wanted)
    if prepared is not None:
        matrix = prepared.of(matrix, wanted.dtype)
    if matrix.n_rows * matrix.n_features * wanted.dtype.itemsize > wanted.memory:
        return stream_rows(matrix, wanted.dtype, wanted.memory)
    return load_rows(matrix, wanted.dtype, wanted.memory, torch.device("cpu"))


def matrix_of(path: Path, wanted: Wanted) -> Matrix:
    """Describe the activations of a file without reading them."""
    if path.suffix == ".parquet" or path.is_dir():
        return ParquetRows(find_parquet(path, wanted.layer), wanted.layer, wanted.limit).matrix()
    found: StoredMatrix | RawMatrix
    if path.suffix in HDF5:
        found = _in_hdf5(path, wanted)
    elif path.suffix == ".npy":
        found = npy_matrix(path)
    elif path.suffix == ".safetensors":
        found = safetensors_matrix(path, wanted.layer)
    else:
        raise BadInput(
            f"{path}: not a file of activations; one of {', '.join(SUFFIXES)} or a folder of Parquet"
        )
    return found if wanted.limit is None else replace(found, n_rows=min(found.n_rows, wanted.limit))


def columns_of(
    path: Path, layer: int | None, names: Sequence[str], limit: int | None = None
) -> dict[str, list[Any]]:
    """Return what a Parquet file tells of its rows besides, as far as it does; nothing for other files."""
    if path.suffix != ".parquet" and not path.is_dir():
        return {}
    return ParquetRows(find_parquet(path, layer), layer, limit).columns(names)


def has_split(path: Path, layer: int | None, split: str) -> bool:
    """Tell whether a file has a split of that name; only HDF5 files do."""
    if path.suffix not in HDF5:
        return False
    with open_hdf5(path) as file:
        return any(f"{prefix}{split}" in file for prefix in _prefixes(file, layer))


def _in_hdf5(path: Path, wanted: Wanted) -> StoredMatrix:
    with open_hdf5(path) as file:
        prefixes = _prefixes(file, wanted.layer)
        places = [
            f"{prefix}{inner}"
            for prefix in prefixes
            for inner in (f"{wanted.split}/activations", "activations")
        ]
        name = next((place for place in places if place in file), places[0])
        return describe(path, member(path, file, name, h5py.Dataset), f"/{name}")


def _prefixes(file: h5py.File, layer: int | None) -> list[str]:
    """Return where the splits may lie; a file of several layers must have the one that is asked for."""
    groups = sorted(key for key in file if key.startswith("layer_"))
    if not groups or layer is None:
        return [""]
    if f"layer_{layer}" not in groups:
        raise BadInput(f"{file.filename}: no group 'layer_{layer}'; it holds {', '.join(groups)}")
    return [f"layer_{layer}/"]
