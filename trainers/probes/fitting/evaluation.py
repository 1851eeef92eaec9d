"""Logits of a whole split, for models of one column or of many."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from trainers.common.activations.rows import Rows

Forward = Callable[[Tensor], Tensor]

CPU_PIECE_BYTES = 8 << 20
"""Size of the buffer in which activations are converted; small enough to stay in cache."""
ACCELERATOR_PIECE_BYTES = 256 << 20
"""The same elsewhere: few launches count for more than caches."""


class Evaluator:
    """Runs models over all rows of one split, in full precision and in file order."""

    def __init__(self, rows: Rows, compute: torch.dtype, device: torch.device) -> None:
        self._rows = rows
        self._device = device
        size = CPU_PIECE_BYTES if device.type == "cpu" else ACCELERATOR_PIECE_BYTES
        piece = max(1, size // (rows.n_features * compute.itemsize))
        shape = (min(piece, rows.n_rows), rows.n_features)
        self._buffer = torch.empty(shape, dtype=compute, device=device)

    def logits(self, forward: Forward, columns: int) -> Tensor:
        """Return logits [C, N] of `forward`, which maps activations [n, D] to logits [n, C]."""
        return self.logits_of_each([(forward, columns)])[0]

    @torch.no_grad()
    def logits_of_each(self, models: Sequence[tuple[Forward, int]]) -> list[Tensor]:
        """Return the logits [C, N] of several models and their C columns from one pass over the rows."""
        outs = [self._buffer.new_empty(columns, self._rows.n_rows) for _, columns in models]
        start = 0
        for piece in self.pieces():
            for (forward, _), out in zip(models, outs, strict=True):
                out[:, start : start + len(piece)] = forward(piece).t()
            start += len(piece)
        return outs

    def pieces(self) -> Iterator[Tensor]:
        """Yield the rows in file order, [n, D] of the compute type; a piece may overwrite the one before."""
        for block in self._rows.blocks():
            if block.dtype == self._buffer.dtype and block.device == self._device:
                yield block
                continue
            for piece in block.split(len(self._buffer)):
                yield self._buffer[: len(piece)].copy_(piece)
