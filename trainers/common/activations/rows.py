"""Where activation rows come from: memory, a mapped file, or blocks streamed from a file larger than memory.

Streaming rule: a file is cut into blocks of consecutive rows.  Every epoch shuffles the blocks, loads as many
of them as the memory limit allows (a window), shuffles all rows of the window together and takes batches
from it; the last batch of a window is completed from the next.  An epoch reads the file once, in long reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.common.activations.matrix import Matrix
from trainers.common.errors import BadInput
from trainers.common.memory import is_out_of_memory

SCAN_BYTES = 32 << 20
"""Size of a block in passes over all rows."""


class Shuffler(Protocol):
    """Draws permutations, on the device of the order that is wanted."""

    def permutation(self, size: int) -> Tensor:
        """Return a random order of 0 … size-1, int64."""
        ...


@dataclass(frozen=True)
class Window:
    """Blocks of a streamed file that are in memory together."""

    blocks: list[int]
    end: int
    """Place in the epoch's order at which the next window begins."""


@dataclass(frozen=True)
class RowOrder:
    """The order in which one epoch visits the rows."""

    rows: Tensor
    """Every row once, int64 [N]."""
    windows: tuple[Window, ...] = ()
    """For streamed rows: what is loaded when."""


class Cursor(Protocol):
    """Takes the rows of one epoch in its order."""

    def take(self, start: int, stop: int, out: Tensor) -> None:
        """Write the rows at places `start` to `stop` of the order to `out` [stop-start, D]."""
        ...


class Rows(Protocol):
    """Activations [N, D] of one split."""

    @property
    def n_rows(self) -> int: ...

    @property
    def n_features(self) -> int: ...

    @property
    def device(self) -> torch.device: ...

    def order(self, shuffler: Shuffler) -> RowOrder:
        """Draw the order of one epoch."""
        ...

    def cursor(self, order: RowOrder) -> Cursor:
        """Start an epoch; several may run side by side."""
        ...

    def blocks(self) -> Iterator[Tensor]:
        """Yield all rows in file order, a block [n, D] at a time."""
        ...


@dataclass(frozen=True)
class ResidentRows:
    """Rows in the memory of the host or of the device, or in a mapped file."""

    x_ND: Tensor

    @property
    def n_rows(self) -> int:
        return self.x_ND.shape[0]

    @property
    def n_features(self) -> int:
        return self.x_ND.shape[1]

    @property
    def device(self) -> torch.device:
        return self.x_ND.device

    def order(self, shuffler: Shuffler) -> RowOrder:
        return RowOrder(shuffler.permutation(self.n_rows).to(self.device))

    def cursor(self, order: RowOrder) -> Cursor:
        return _ResidentCursor(self.x_ND, order.rows)

    def blocks(self) -> Iterator[Tensor]:
        return iter(self.x_ND.split(block_rows(self.n_features, self.x_ND.element_size())))


@dataclass(frozen=True)
class _ResidentCursor:
    x_ND: Tensor
    order: Tensor

    def take(self, start: int, stop: int, out: Tensor) -> None:
        gather(self.x_ND, self.order[start:stop], out)


@dataclass(frozen=True)
class StreamedRows:
    """Rows that stay in the file but for a window of shuffled blocks."""

    split: Matrix
    dtype: torch.dtype
    block_size: int
    """Rows of a block."""
    window_blocks: int
    """Blocks in memory at a time."""

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    @property
    def n_rows(self) -> int:
        return self.split.n_rows

    @property
    def n_features(self) -> int:
        return self.split.n_features

    @property
    def n_blocks(self) -> int:
        return -(-self.n_rows // self.block_size)

    def block_span(self, block: int) -> range:
        """Rows of one block; the last block may be short."""
        start = block * self.block_size
        return range(start, min(start + self.block_size, self.n_rows))

    def order(self, shuffler: Shuffler) -> RowOrder:
        blocks = shuffler.permutation(self.n_blocks).cpu().tolist()
        rows: list[Tensor] = []
        windows: list[Window] = []
        end = 0
        for start in range(0, len(blocks), self.window_blocks):
            loaded = blocks[start : start + self.window_blocks]
            held = torch.cat([torch.arange(span.start, span.stop) for span in map(self.block_span, loaded)])
            rows.append(held[shuffler.permutation(len(held)).cpu()])
            end += len(held)
            windows.append(Window(loaded, end))
        return RowOrder(torch.cat(rows), tuple(windows))

    def cursor(self, order: RowOrder) -> Cursor:
        return _StreamCursor(self, order)

    def blocks(self) -> Iterator[Tensor]:
        rows = block_rows(self.n_features, self.split.stored.itemsize, self.split.chunk_rows)
        for _, block in read_blocks(self.split, rows):
            yield block.to(self.dtype)


class _StreamCursor:
    """Holds one window at a time; the places of an order fall into windows one after the other."""

    def __init__(self, rows: StreamedRows, order: RowOrder) -> None:
        self._rows = rows
        self._order = order
        self._windows = iter(order.windows)
        size = min(rows.window_blocks * rows.block_size, rows.n_rows)
        self._window_XD = torch.empty(size, rows.n_features, dtype=rows.dtype)
        self._base = torch.zeros(rows.n_blocks, dtype=torch.int64)
        """Place in the window of a block's first row."""
        self._end = 0
        """Place in the order at which the loaded window ends."""

    def take(self, start: int, stop: int, out: Tensor) -> None:
        while start < stop:
            if start >= self._end:
                # Windows that end before are those of a part of the epoch that is done.
                self._load(next(window for window in self._windows if window.end > start))
            until = min(stop, self._end)
            rows = self._order.rows[start:until]
            block = rows // self._rows.block_size
            local = self._base[block] + rows - block * self._rows.block_size
            gather(self._window_XD, local, out[: until - start])
            out, start = out[until - start :], until

    def _load(self, window: Window) -> None:
        split, filled = self._rows.split, 0
        with split.opened() as read:
            for block in sorted(window.blocks):
                span = self._rows.block_span(block)
                self._base[block] = filled
                self._window_XD[filled : filled + len(span)] = read(span.start, span.stop)
                filled += len(span)
        self._end = window.end


def without(order: RowOrder, left_out: Tensor, n_rows: int) -> RowOrder:
    """Return an order that leaves some of its rows out, int64; windows keep their blocks."""
    taken = torch.ones(n_rows, dtype=torch.bool)
    taken[left_out] = False
    kept = taken[order.rows]
    ends = kept.cumsum(0)
    windows = tuple(Window(window.blocks, int(ends[window.end - 1])) for window in order.windows)
    return RowOrder(order.rows[kept], windows)


def gather(x_ND: Tensor, rows: Tensor, out: Tensor) -> None:
    """Write the given rows to `out`; plain indexing allocates, and fresh pages cost more than the copy."""
    if x_ND.device.type == "cpu":
        # One core's work, for a thread that prepares batches: torch would start its own pool of threads.
        np.take(bits(x_ND), rows.numpy(), axis=0, out=bits(out), mode="clip")
    else:
        torch.index_select(x_ND, 0, rows, out=out)


def bits(x: Tensor) -> NDArray:
    """Return a CPU tensor's memory as an array; bfloat16, which numpy lacks, as int16."""
    array: NDArray = (x.view(torch.int16) if x.dtype == torch.bfloat16 else x).numpy()
    return array


def block_rows(n_features: int, itemsize: int, multiple: int = 1) -> int:
    """Rows of about SCAN_BYTES, a multiple of `multiple`, at least one."""
    rows = SCAN_BYTES // (n_features * itemsize)
    return max(rows // multiple, 1) * multiple


def read_blocks(split: Matrix, rows: int) -> Iterator[tuple[int, Tensor]]:
    """Yield (first row, activations [n, D]) in file order; raises BadInput where the file breaks off."""
    with split.opened() as read:
        for start in range(0, split.n_rows, rows):
            try:
                block = read(start, min(start + rows, split.n_rows))
            except (OSError, RuntimeError) as error:
                if is_out_of_memory(error):
                    raise
                raise BadInput(f"{split.where}: cannot be read from row {start} on ({error})") from error
            yield start, block
