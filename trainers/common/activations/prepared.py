"""Activations that cost to read, converted once and then taken from the cache of what trainers prepared.

What costs are lists of Parquet and packed HDF5: all that does not lie in its file as it lies in memory.  Kept
are the rows of one layer in their order and in the type of training, every value finite, as `rows.npy`.  They
are not scaled, which a step does in no time, nor shuffled: epochs have orders of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from trainers.common.activations.loading import NonFinite, checked_blocks
from trainers.common.activations.matrix import Matrix, OpenFile, RawMatrix
from trainers.common.prepared_cache import Entry, PreparedCache, key_of

ROWS = "rows.npy"
LAYOUT = 1
"""Raised where entries are written in another way."""


@dataclass(frozen=True)
class Prepared:
    """The cache, and whom to tell what was found in it."""

    cache: PreparedCache
    say: Callable[[str], None]

    def of(self, matrix: Matrix, dtype: torch.dtype) -> Matrix:
        """Return rows that cost nothing to read; those given, where they already do not, or have no room.

        Raises BadInput where a value is not finite.
        """
        if matrix.map_offset is not None:
            return matrix
        key, size = self._key(matrix, dtype), matrix.n_rows * matrix.n_features * dtype.itemsize
        found = self._opened(self.cache.find(key), matrix, dtype)
        if found is not None:
            self.say(f"activations: {size >> 20} MiB, prepared before, from {self.cache.folder}")
            return found
        if not self.cache.has_room(size):
            self.say(f"activations: {size >> 20} MiB, not kept prepared: no room in {self.cache.folder}")
            return matrix
        return self._kept(key, size, matrix, dtype)

    def _key(self, matrix: Matrix, dtype: torch.dtype) -> str:
        facts = {
            "layout": LAYOUT,
            "files": [self.cache.content(path) for path in matrix.files],
            "selection": matrix.selection,
            "shape": [matrix.n_rows, matrix.n_features],
            "dtype": str(dtype),
        }
        return key_of("activations", facts)

    def _kept(self, key: str, size: int, matrix: Matrix, dtype: torch.dtype) -> Matrix:
        try:
            entry = self.cache.add(key, size, lambda folder: write_rows(folder / ROWS, matrix, dtype))
        except OSError as error:
            self.say(f"activations: {size >> 20} MiB, not kept prepared: {error}")
            return matrix
        self.say(f"activations: {size >> 20} MiB, prepared and kept in {self.cache.folder}")
        return self._opened(entry, matrix, dtype) or matrix

    def _opened(self, entry: Entry | None, matrix: Matrix, dtype: torch.dtype) -> Matrix | None:
        if entry is None:
            return None
        path = entry.file(ROWS)
        try:
            # Another training may delete the entry, and this one goes on reading.
            held = OpenFile(path)
        except OSError:
            return None
        offset = entry.facts["offset"]
        return RawMatrix(path, matrix.n_rows, matrix.n_features, dtype, offset, held=held)


def write_rows(path: Path, matrix: Matrix, dtype: torch.dtype) -> Mapping[str, Any]:
    """Write activations as a `.npy` file of the type; return the byte at which they begin.

    Raises BadInput where a value is not finite, OSError where there is no room.
    """
    tally = NonFinite(matrix, dtype)
    with path.open("wb") as stream:
        kind = torch.empty(0, dtype=dtype).numpy().dtype.str
        shape = (matrix.n_rows, matrix.n_features)
        np.lib.format.write_array_header_1_0(stream, {"descr": kind, "fortran_order": False, "shape": shape})
        offset = stream.tell()
        for _, block in checked_blocks(matrix, tally):
            stream.write(block.to(dtype).contiguous().numpy().data)
    tally.report()
    return {"offset": offset}
