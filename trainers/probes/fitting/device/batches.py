"""Batches of rows that lie on the device, made there by what a recorded step can repeat."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from trainers.common.activations.rows import ResidentRows
from trainers.probes.fitting.device.arithmetic import Arithmetic, Examples
from trainers.probes.fitting.plan import Batch, BatchRng, DropoutShape
from trainers.probes.reading.inputs import Standardisation


class ResidentBatches:
    """Takes batch after batch of an epoch; where it is in the epoch lies on the device."""

    def __init__(
        self,
        rows: ResidentRows,
        inputs: Standardisation | None,
        size: int,
        dropout: DropoutShape,
        arithmetic: Arithmetic,
    ) -> None:
        """Batches are of `size` rows at most."""
        self._rows, self._inputs, self._dropout, self._arithmetic = rows, inputs, dropout, arithmetic
        x = rows.x_ND
        self.size = min(size, len(x))
        self.generators = [] if x.device.type == "cpu" else [torch.Generator(x.device)]
        """Those that steps draw from."""
        self._order = torch.empty(len(x), dtype=torch.int64, device=x.device)
        self._at = torch.zeros(1, dtype=torch.int64, device=x.device)
        self._span = torch.arange(self.size, device=x.device)
        self._x = torch.empty(self.size, x.shape[1], dtype=x.dtype, device=x.device)
        widths = dropout.widths(x.shape[1])
        self._keep = [torch.empty(self.size, width, dtype=torch.bool, device=x.device) for width in widths]

    def begin(self, seed: int, epoch: int) -> None:
        """Draw the order of an epoch."""
        self._rng = BatchRng(seed, epoch, self._x.device, *self.generators)
        self._order.copy_(self._rows.order(self._rng).rows)
        self._at.zero_()

    def take(self, size: int, targets: Sequence[Tensor]) -> list[Batch]:
        """Return the next batch of `size` rows, for every one of several targets, uint8 [N, C]."""
        rows = self._order.index_select(0, self._at + self._span[:size])
        self._at += size
        keep, x = [mask[:size] for mask in self._keep], self._x[:size]
        for mask in keep:
            self._rng.keep_mask(mask, self._dropout.rate)
        drops = bool(keep) and self._dropout.inputs
        examples = Examples(self._rows.x_ND, rows, self._inputs, keep[0] if drops else None)
        self._arithmetic.gather(examples, x)
        scale = 1 / (1 - self._dropout.rate) if drops else 1.0
        hidden = tuple(keep[1:] if drops else keep)
        return [Batch(x, one.index_select(0, rows), hidden, scale) for one in targets]
