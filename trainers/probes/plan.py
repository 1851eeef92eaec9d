"""The order, the batches and the dropout of training: fixed by seed and epoch, and the same for every probe.

That all probes share them is what lets one model train them all, and lets one probe trained alone reach the
same weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from trainers.probes.rows import Rows


class Dice:
    """Random numbers of one epoch, made on the device that uses them."""

    def __init__(self, seed: int, epoch: int, device: torch.device) -> None:
        self._device = device
        self._host = np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, epoch])))
        self._torch: torch.Generator | None = None
        if device.type != "cpu":
            self._torch = torch.Generator(device)
            self._torch.manual_seed(int(self._host.integers(2**63)))

    def permutation(self, size: int) -> Tensor:
        """Return a random order of 0 … size-1, int64, on the device."""
        if self._torch is not None:
            return torch.randperm(size, generator=self._torch, device=self._device)
        return torch.from_numpy(self._host.permutation(size))

    def keep_mask(self, out: Tensor, drop: float) -> None:
        """Fill the contiguous bool tensor `out`: False with probability `drop`, to 1/65536."""
        if self._torch is not None:
            out.bernoulli_(1 - drop, generator=self._torch)
            return
        # Sixteen random bits a value from whole words: a tenth of the time of torch's bernoulli.
        words = self._host.integers(0, 2**64, size=-(-out.numel() // 4), dtype=np.uint64)
        bits = words.view(np.uint16)[: out.numel()].reshape(out.shape)
        np.greater_equal(bits, np.uint16(round(drop * 65536)), out=out.numpy())


@dataclass(frozen=True)
class Batch:
    """One training step's examples; its tensors are buffers that the next batch overwrites."""

    x_BD: Tensor
    """Compute type on a CPU, storage type on an accelerator; dropped inputs are zero, the rest unscaled."""
    y_BC: Tensor
    """0 and 1, compute type."""
    keep: tuple[Tensor, ...]
    """Dropout of hidden layers, bool [B, H] each: what is kept."""
    input_scale: float
    """1 / (1 - dropout) where inputs were dropped, else 1."""


@dataclass(frozen=True)
class DropoutShape:
    """Which activations of a model are dropped."""

    rate: float
    inputs: bool
    hidden: tuple[int, ...] = ()
    """Widths of the hidden layers that have dropout, in their order."""


class BatchReader:
    """Yields an epoch's batches through buffers that are allocated once."""

    def __init__(
        self, rows: Rows, batch_size: int, dropout: DropoutShape, compute: torch.dtype, storage: torch.dtype,
        device: torch.device,
    ) -> None:  # fmt: skip
        self._rows = rows
        self._size = min(batch_size, rows.n_rows)
        self._dropout = dropout
        self._compute = compute
        self._device = device
        pinned = device.type == "cuda" and rows.device.type == "cpu"
        shape = (self._size, rows.n_features)
        self._gathered = torch.empty(shape, dtype=storage, device=rows.device, pin_memory=pinned)
        on_accelerator = device.type != "cpu"
        same = rows.device == device and (on_accelerator or storage == compute)
        self._x = self._gathered if same else torch.empty(
            shape, dtype=storage if on_accelerator else compute, device=device
        )  # fmt: skip
        widths = ((rows.n_features,) if dropout.inputs else ()) + dropout.hidden
        self._keep = tuple(
            torch.empty(self._size, width, dtype=torch.bool, device=device) for width in widths
        )

    @property
    def steps(self) -> int:
        """Batches of an epoch, the last of which may be short."""
        return -(-self._rows.n_rows // self._size)

    def epoch(self, seed: int, epoch: int, targets_NC: Tensor) -> Iterator[Batch]:
        """Yield the batches of one epoch; `targets_NC` (uint8) gives each its `y_BC`."""
        dice = Dice(seed, epoch, self._device)
        order = self._rows.order(dice)
        cursor = self._rows.cursor(order)
        labels_in_order = order.rows.to(targets_NC.device)
        picked = torch.empty(self._size, targets_NC.shape[1], dtype=torch.uint8, device=targets_NC.device)
        y = torch.empty(picked.shape, dtype=self._compute, device=targets_NC.device)
        for start in range(0, self._rows.n_rows, self._size):
            stop = min(start + self._size, self._rows.n_rows)
            size = stop - start
            cursor.take(start, stop, self._gathered[:size])
            torch.index_select(targets_NC, 0, labels_in_order[start:stop], out=picked[:size])
            y[:size].copy_(picked[:size])
            yield self._batch(size, y[:size], dice)

    def _batch(self, size: int, y_BC: Tensor, dice: Dice) -> Batch:
        x = self._x[:size]
        if self._x is not self._gathered:
            x.copy_(self._gathered[:size], non_blocking=False)
        keep = tuple(mask[:size] for mask in self._keep) if self._dropout.rate else ()
        for mask in keep:
            dice.keep_mask(mask, self._dropout.rate)
        if not (keep and self._dropout.inputs):
            return Batch(x, y_BC, keep, 1.0)
        drop_(x, keep[0])
        return Batch(x, y_BC, keep[1:], 1 / (1 - self._dropout.rate))


def drop_(x: Tensor, keep: Tensor) -> None:
    """Set to zero, in place, what is not kept."""
    if x.device.type == "cpu" and x.dtype != torch.bfloat16:
        # numpy multiplies by a mask in one pass, torch converts the mask first.
        np.multiply(x.numpy(), keep.numpy(), out=x.numpy())
    else:
        x.mul_(keep)
