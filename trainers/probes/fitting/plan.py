"""The order, the batches and the dropout of training: fixed by seed and epoch, and the same for every probe.

That all probes share them is what lets one model train them all, and lets one probe trained alone reach the
same weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import cycle
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from trainers.common.activations.rows import Cursor, RowOrder, Rows, bits


class BatchRng:
    """Random numbers of one epoch, made on the device that uses them."""

    def __init__(
        self, seed: int, epoch: int, device: torch.device, generator: torch.Generator | None = None
    ) -> None:
        """`generator` is one of the device to draw from, elsewhere than on a CPU."""
        self._device = device
        self._host = np.random.Generator(np.random.SFC64(np.random.SeedSequence([seed, epoch])))
        self._torch: torch.Generator | None = None
        if device.type != "cpu":
            self._torch = generator or torch.Generator(device)
            self._torch.manual_seed(int(self._host.integers(2**63)))

    def permutation(self, size: int) -> Tensor:
        """Return a random order of 0 … size-1, int64, on the device."""
        if self._torch is not None:
            return torch.randperm(size, generator=self._torch, device=self._device)
        return torch.from_numpy(self._host.permutation(size))

    def keep_mask(self, out: Tensor, drop: float) -> None:
        """Fill the contiguous bool tensor `out` [B, H]: False with probability `drop`."""
        if self._torch is not None:
            out.bernoulli_(1 - drop, generator=self._torch)
            return
        # One random byte a value, from whole words: a twentieth of the time of torch's bernoulli.  Bytes know
        # 256 rates only, so every column is drawn anew between the two nearest, and is `drop` on average.
        words = self._host.integers(0, 2**64, size=-(-out.numel() // 8), dtype=np.uint64)
        drawn = words.view(np.uint8)[: out.numel()].reshape(out.shape)
        limits = np.floor(drop * 256 + self._host.random(out.shape[1])).clip(max=255).astype(np.uint8)
        np.greater_equal(drawn, limits, out=out.numpy())


SMALL_BATCH = 1 << 18
"""Values of a batch up to which handing it from thread to thread takes longer than preparing it."""


@dataclass(frozen=True)
class Batch:
    """One training step's examples; its tensors are buffers that the next batch overwrites."""

    x_BD: Tensor
    """Of `product_dtype`; dropped inputs are zero, the rest unscaled."""
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

    def widths(self, n_features: int) -> tuple[int, ...]:
        """Return the widths of all masks, that of the inputs first; none at rate 0."""
        every = (n_features, *self.hidden) if self.inputs else self.hidden
        return every if self.rate else ()


@cache
def has_bfloat16_units() -> bool:
    """Return whether this CPU multiplies bfloat16; others do it many times slower than float32."""
    cpus = Path("/proc/cpuinfo")
    return cpus.exists() and "avx512_bf16" in cpus.read_text()


def product_dtype(storage: torch.dtype, compute: torch.dtype, device: torch.device) -> torch.dtype:
    """Return the type in which batches of `storage` are multiplied on `device`."""
    if device.type == "cpu" and not (storage == torch.bfloat16 and has_bfloat16_units()):
        return compute
    return storage


class BatchReader:
    """Yields an epoch's batches through buffers that are allocated once.

    On a CPU a thread prepares the next batch (gathering, random numbers) during the products of this one,
    unless batches are small.
    """

    def __init__(
        self,
        rows: Rows,
        batch_size: int,
        dropout: DropoutShape,
        compute: torch.dtype,
        storage: torch.dtype,
        device: torch.device,
    ) -> None:
        self._rows = rows
        self._size = min(batch_size, rows.n_rows)
        # Kernels run in the order of their launch; a second thread would only compete for the lock.
        self._ahead = device.type == "cpu" and self._size * rows.n_features > SMALL_BATCH
        self._dropout = dropout
        self._compute = compute
        self._device = device
        self._slots = [_Slot(rows, self._size, dropout, storage, device) for _ in range(2)]
        wanted = product_dtype(storage, compute, device)
        self._converts = storage != wanted or rows.device != device
        shape = (self._size, rows.n_features) if self._converts else (0, 0)
        self._x = torch.empty(shape, dtype=wanted, device=device)

    def epoch(self, seed: int, epoch: int, targets_NC: Tensor) -> Iterator[Batch]:
        """Yield the batches of one epoch; `targets_NC` (uint8) gives each its `y_BC`."""
        for (batch,) in self.shared_epoch(seed, epoch, [targets_NC]):
            yield batch

    def shared_epoch(self, seed: int, epoch: int, targets: Sequence[Tensor]) -> Iterator[list[Batch]]:
        """Yield the batches of one epoch, each for every one of several targets, uint8 [N, C].

        They share examples and dropout, so that each is what it would be for its targets alone.
        """
        rng = BatchRng(seed, epoch, self._device)
        order = self._rows.order(rng)
        work = _Epoch(order, self._rows.cursor(order), order.rows.to(targets[0].device), targets, rng)
        spans = [
            (start, min(start + self._size, len(order.rows)))
            for start in range(0, len(order.rows), self._size)
        ]
        ys = [
            torch.empty(self._size, one.shape[1], dtype=self._compute, device=one.device) for one in targets
        ]
        for picked, slot in self._prepared(work, spans):
            filled = [y[: len(one)].copy_(one) for y, one in zip(ys, picked, strict=True)]
            yield self._batches(slot, filled, rng)

    def _prepared(self, work: _Epoch, spans: list[tuple[int, int]]) -> Iterator[tuple[list[Tensor], _Slot]]:
        if not self._ahead:
            yield from (
                (slot.fill(work, span), slot) for span, slot in zip(spans, cycle(self._slots), strict=False)
            )
            return
        with ThreadPoolExecutor(1, thread_name_prefix="batches") as ahead:
            pending = ahead.submit(self._slots[0].fill, work, spans[0])
            for step in range(len(spans)):
                picked, slot = pending.result(), self._slots[step % 2]
                if step + 1 < len(spans):
                    pending = ahead.submit(self._slots[(step + 1) % 2].fill, work, spans[step + 1])
                yield picked, slot

    def _batches(self, slot: _Slot, ys: list[Tensor], rng: BatchRng) -> list[Batch]:
        size = len(ys[0])
        x, keep = slot.gathered[:size], tuple(mask[:size] for mask in slot.keep)
        if self._converts:
            x = self._x[:size].copy_(x)
        if self._device.type != "cpu":
            draw_masks(rng, keep, self._dropout, x)
        if keep and self._dropout.inputs:
            return [Batch(x, y, keep[1:], 1 / (1 - self._dropout.rate)) for y in ys]
        return [Batch(x, y, keep, 1.0) for y in ys]


@dataclass(frozen=True)
class _Epoch:
    """What the batches of one epoch are made from."""

    order: RowOrder
    cursor: Cursor
    labels_in_order: Tensor
    """The order on the device of the targets."""
    targets: Sequence[Tensor]
    rng: BatchRng


class _Slot:
    """Buffers of one batch while it is prepared."""

    def __init__(
        self, rows: Rows, size: int, dropout: DropoutShape, storage: torch.dtype, device: torch.device
    ) -> None:
        self._dropout = dropout
        self._on_cpu = device.type == "cpu"
        pinned = device.type == "cuda" and rows.device.type == "cpu"
        shape = (size, rows.n_features)
        self.gathered = torch.empty(shape, dtype=storage, device=rows.device, pin_memory=pinned)
        widths = dropout.widths(rows.n_features)
        self.keep = tuple(torch.empty(size, width, dtype=torch.bool, device=device) for width in widths)
        self._picked: list[Tensor] = []

    def fill(self, work: _Epoch, span: tuple[int, int]) -> list[Tensor]:
        """Gather the examples at places `span` of the order and return their targets, uint8 [B, C] each."""
        start, stop = span
        size = stop - start
        work.cursor.take(start, stop, self.gathered[:size])
        if self._on_cpu:
            draw_masks(
                work.rng, tuple(mask[:size] for mask in self.keep), self._dropout, self.gathered[:size]
            )
        rows = work.labels_in_order[start:stop]
        return [
            torch.index_select(targets, 0, rows, out=room[:size])
            for targets, room in zip(work.targets, self._room(work.targets), strict=True)
        ]

    def _room(self, targets: Sequence[Tensor]) -> list[Tensor]:
        widths = [one.shape[1] for one in targets]
        if widths != [one.shape[1] for one in self._picked]:
            device = targets[0].device
            self._picked = [
                torch.empty(len(self.gathered), width, dtype=torch.uint8, device=device) for width in widths
            ]
        return self._picked


def draw_masks(rng: BatchRng, keep: tuple[Tensor, ...], dropout: DropoutShape, x_BD: Tensor) -> None:
    """Draw a batch's masks, and drop inputs if the model does."""
    for mask in keep:
        rng.keep_mask(mask, dropout.rate)
    if keep and dropout.inputs:
        drop_(x_BD, keep[0])


def drop_(x: Tensor, keep: Tensor) -> None:
    """Set to zero, in place, what is not kept."""
    if x.device.type == "cpu":
        # One pass in numpy, where torch converts the mask first; bits times 1 or 0 are the value or 0.
        values = bits(x)
        np.multiply(values, keep.numpy(), out=values)
    else:
        x.mul_(keep)
