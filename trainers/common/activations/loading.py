"""From an activation file to rows: mapped, read once, or streamed; every value checked on the way.

A contiguous dataset whose type is the working type is mapped: nothing is copied, and the system may drop
pages it needs elsewhere.  Any other dataset is read once, in file order, into memory of the working type.
Rows that do not fit into the memory limit are streamed (see `rows`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.common.activations.matrix import Matrix, mapped
from trainers.common.activations.rows import ResidentRows, Rows, StreamedRows, block_rows, read_blocks
from trainers.common.errors import BadInput

BLOCK_BYTES = 4 << 20
"""Size of a streamed block; long enough for full speed on a disk, short enough to mix well."""
DEFAULT_SHARE = 0.7
"""Part of the free memory that activations may take."""


def load_rows(split: Matrix, dtype: torch.dtype, limit: int, device: torch.device) -> Rows:
    """Return the rows of `split` as `dtype`, on `device` if they are resident.

    `limit`: bytes of memory that they may take.  Raises BadInput where an activation is not finite.
    """
    if split.map_offset is not None and is_mapped(split, dtype):
        x_ND = mapped(split, split.map_offset)
        tally = NonFinite(split, dtype)
        for start, block in _enumerate_rows(x_ND):
            tally.check(start, block)
        tally.report()
        return ResidentRows(x_ND.to(device))
    if split.n_rows * split.n_features * dtype.itemsize <= limit:
        return ResidentRows(_read(split, dtype).to(device))
    return stream_rows(split, dtype, limit)


def is_mapped(split: Matrix, dtype: torch.dtype) -> bool:
    """Tell whether `load_rows` maps the file, so that its rows take no memory that is needed elsewhere."""
    return split.map_offset is not None and split.stored == dtype


def _read(split: Matrix, dtype: torch.dtype) -> Tensor:
    x_ND = torch.empty(split.n_rows, split.n_features, dtype=dtype)
    tally = NonFinite(split, dtype)
    for start, block in checked_blocks(split, tally):
        x_ND[start : start + len(block)] = block
    tally.report()
    return x_ND


def stream_rows(split: Matrix, dtype: torch.dtype, limit: int) -> StreamedRows:
    """Return rows that stay in their file but for as many as `limit` bytes hold, after a look at all.

    Raises BadInput where an activation is not finite.
    """
    tally = NonFinite(split, dtype)
    for _ in checked_blocks(split, tally):
        pass
    tally.report()
    row_bytes = split.n_features * dtype.itemsize
    size = max(BLOCK_BYTES // row_bytes // split.chunk_rows, 1) * split.chunk_rows
    # Blocks must be many to a window even if the limit is tight, else rows of one block stay together.
    while size > split.chunk_rows and size * row_bytes * 8 > limit:
        size = max(size // 2 // split.chunk_rows, 1) * split.chunk_rows
    return StreamedRows(split, dtype, size, max(1, int(limit // (size * row_bytes))))


def checked_blocks(split: Matrix, tally: NonFinite) -> Iterator[tuple[int, Tensor]]:
    """Yield (first row, activations [n, D]) in file order, each looked at by a tally."""
    rows = block_rows(split.n_features, split.stored.itemsize, split.chunk_rows)
    for start, block in read_blocks(split, rows):
        tally.check(start, block)
        yield start, block


def _enumerate_rows(x_ND: Tensor) -> Iterator[tuple[int, Tensor]]:
    start = 0
    for block in x_ND.split(block_rows(x_ND.shape[1], x_ND.element_size())):
        yield start, block
        start += len(block)


@dataclass
class NonFinite:
    """Counts values of one split that are not finite, or not once they are of the working type."""

    split: Matrix
    dtype: torch.dtype
    nans: int = 0
    infinities: int = 0
    beyond: int = 0
    first_row: int = -1

    def check(self, start: int, block_nD: Tensor) -> None:
        """Count the values of a block that begins at row `start`."""
        # One cheap pass for the usual case; a NaN makes both ends NaN, which is not within anything.
        low, high = torch.aminmax(block_nD)
        limit = min(torch.finfo(block_nD.dtype).max, torch.finfo(self.dtype).max)
        if -limit <= float(low) and float(high) <= limit:
            return
        converted = block_nD.to(self.dtype)
        bad_rows = (~torch.isfinite(converted)).any(1).nonzero()[:, 0]
        if self.first_row < 0 and len(bad_rows):
            self.first_row = start + int(bad_rows[0])
        self.nans += int(block_nD.isnan().sum())
        self.infinities += int(block_nD.isinf().sum())
        self.beyond += int((converted.isinf() & block_nD.isfinite()).sum())

    def report(self) -> None:
        """Raise BadInput if anything was counted."""
        if self.nans + self.infinities:
            raise BadInput(
                f"{self.split.where}: {self.split.what} holds {self.nans} NaN and {self.infinities} "
                f"infinite values, the first in row {self.first_row}; activations must be finite"
            )
        if self.beyond:
            narrow, wide = (str(kind).removeprefix("torch.") for kind in (self.dtype, self.split.stored))
            raise BadInput(
                f"{self.split.where}: {self.split.what} holds {self.beyond} values too large for "
                f"{narrow}, the first in row {self.first_row}; "
                f"use --dtype {wide}, of train_sae --precision {wide}"
            )
