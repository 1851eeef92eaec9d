"""Whether a dataset's values are in its file: what was never written reads as zeros, without a word.

HDF5 gives the fill value for chunks that were never written, and for the parts of a virtual dataset whose
sources are not found.  Such a dataset trains to nothing, and nothing says why.
"""

from __future__ import annotations

from math import ceil, prod
from pathlib import Path

import h5py

from trainers.common.activations.hdf5_virtual import check_sources
from trainers.common.errors import BadInput

DENSEST = 1100
"""Bytes that a stored byte may stand for: deflate, the densest of the usual filters, reaches 1032."""


def check_whole(path: Path, data: h5py.Dataset, name: str) -> None:
    """Raise BadInput where values of the dataset are not in `path`, or cannot be."""
    where = f"{path}: {name}"
    if data.external:
        files = ", ".join(sorted({str(entry[0]) for entry in data.external}))
        raise BadInput(
            f"{where} keeps its values in another file ({files}): external storage is not read; copy the "
            "dataset with h5repack"
        )
    if data.is_virtual:
        check_sources(path, data, name, check_whole)
    elif data.size:
        _check_sizes(path, data, where)
        _check_written(data, where)


def _check_sizes(path: Path, data: h5py.Dataset, where: str) -> None:
    there, claimed = path.stat().st_size, data.size * data.dtype.itemsize
    offset = data.id.get_offset() if data.chunks is None else None
    if offset is not None and offset + claimed > there:
        raise BadInput(f"{where}: truncated: it ends at byte {offset + claimed}, the file at {there}")
    if data.id.get_storage_size() > there or claimed > DENSEST * there:
        raise BadInput(
            f"{where} claims {claimed} bytes (shape {data.shape}), the file has {there}: damaged, or "
            "never written in full; write it again"
        )


def _check_written(data: h5py.Dataset, where: str) -> None:
    if data.chunks is not None:
        written = data.id.get_num_chunks()
        chunks = prod(ceil(size / chunk) for size, chunk in zip(data.shape, data.chunks, strict=True))
        if written < chunks:
            raise BadInput(
                f"{where}: {chunks - written} of its {chunks} chunks were never written and would be read as "
                "zeros; write it again, or cut it to the rows that are there"
            )
    elif data.id.get_space_status() != h5py.h5d.SPACE_STATUS_ALLOCATED:
        raise BadInput(f"{where} was made and never written, it would be read as zeros; write it again")
