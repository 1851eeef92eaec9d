"""The examples of a training: which are held out, in what order the others come, and their scale.

Every epoch visits the training examples in a permutation that is drawn from seed and epoch alone.  Rows that
are streamed come in shuffled windows of shuffled blocks (`trainers.common.activations.rows`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from trainers.common.activations.prepared import Prepared
from trainers.common.activations.reading import Wanted, has_split, read_rows
from trainers.common.activations.rows import ResidentRows, RowOrder, Rows, without
from trainers.common.errors import BadInput
from trainers.common.memory import available_bytes
from trainers.common.seeds import derive_seed
from trainers.sae.settings import Settings

SCALE_ROWS = 100_000
"""Examples from which mean and scale are taken."""
HELD_OUT_MOST = 100_000
"""Examples that are held out at most: more would tell no more."""
FEWEST_HELD_OUT = 2
"""One has no variance that could be explained."""
MEMORY_SHARE = 0.6


@dataclass(frozen=True)
class Examples:
    """Training examples, and those that are held out."""

    rows: Rows
    left_out: Tensor
    """Rows that are not for training, int64 and rising."""
    held_out: Tensor
    """[V, D]"""
    sample: Tensor
    """Training examples from all over the file, for statistics [n, D]."""

    @property
    def n_train(self) -> int:
        """How many examples there are for training."""
        return self.rows.n_rows - len(self.left_out)

    def order(self, seed: int, epoch: int) -> RowOrder:
        """Return the order of an epoch."""
        shuffler = Permutations(seed, epoch)
        if not isinstance(self.rows, ResidentRows):
            return without(self.rows.order(shuffler), self.left_out, self.rows.n_rows)
        kept = kept_rows(self.rows.n_rows, self.left_out)
        return RowOrder(kept[shuffler.permutation(len(kept))].to(self.rows.device))

    def on(self, device: torch.device) -> Examples:
        """Return the examples with their rows in a GPU's memory, where these leave room enough in it."""
        if device.type != "cuda" or not isinstance(self.rows, ResidentRows):
            return self
        x = self.rows.x_ND
        if x.nbytes > torch.cuda.mem_get_info(device)[0] * MEMORY_SHARE:
            return self
        return replace(self, rows=ResidentRows(x.to(device)))


class Permutations:
    """Draws permutations that depend on a seed and an epoch alone."""

    def __init__(self, seed: int, epoch: int) -> None:
        self._generator = torch.Generator().manual_seed(derive_seed(seed, "order", epoch))

    def permutation(self, size: int) -> Tensor:
        """Return a random order of 0 … size-1."""
        return torch.randperm(size, generator=self._generator)


@dataclass(frozen=True)
class Scale:
    """How activations are scaled, and what they are like when they are."""

    factor: float
    mean_D: Tensor
    variance: float
    """Mean squared distance from the mean."""


def memory_for_rows() -> int:
    """Return the bytes that activations may take now."""
    return int(available_bytes() * MEMORY_SHARE)


def read_examples(
    path: Path,
    layer: int | None,
    settings: Settings,
    memory: int | None = None,
    prepared: Prepared | None = None,
) -> Examples:
    """Read a file of activations and hold a part out; BadInput where that leaves nothing to train on.

    `memory`: bytes that they may take, on which the order of streamed ones depends; None is what there is.
    """
    dtype = torch.float64 if settings.precision == "float64" else torch.float32
    wanted = Wanted(
        layer, "train", dtype, settings.max_samples, memory_for_rows() if memory is None else memory
    )
    rows = read_rows(path, wanted, prepared)
    if not has_split(path, layer, "val"):
        return _split(path, rows, settings)
    held = _whole(path, read_rows(path, replace(wanted, split="val"), prepared))
    none = torch.empty(0, dtype=torch.int64)
    return Examples(rows, none, held, rows_at(rows, spread(torch.arange(rows.n_rows))))


def rows_at(rows: Rows, places: Tensor) -> Tensor:
    """Return some rows [n, D] in one pass over all; `places`: their numbers, int64 and rising."""
    if isinstance(rows, ResidentRows):
        return rows.x_ND[places]
    parts, start = [], 0
    for block in rows.blocks():
        first, end = torch.searchsorted(places, torch.tensor([start, start + len(block)])).tolist()
        parts.append(block[places[first:end] - start])
        start += len(block)
    return torch.cat(parts)


def spread(places: Tensor) -> Tensor:
    """Return so many of the places as statistics need, from all over them."""
    return places[:: max(1, len(places) // SCALE_ROWS)]


def kept_rows(n_rows: int, left_out: Tensor) -> Tensor:
    """Return the rows that are not left out, int64 and rising."""
    kept = torch.ones(n_rows, dtype=torch.bool)
    kept[left_out] = False
    return kept.nonzero()[:, 0]


def scale_of(examples: Examples, settings: Settings) -> Scale:
    """Return the statistics of the training examples; BadInput where they never change."""
    x = examples.sample.double()
    factor = x.shape[1] ** 0.5 / float(x.norm(dim=1).mean()) if settings.normalise else 1.0
    mean = x.mean(0)
    variance = float((x - mean).square().sum(1).mean())
    if not variance > 1e-12 * float(x.square().sum(1).mean()):
        raise BadInput("the activations never change: there is nothing that latents could tell apart")
    if torch.equal(*examples.held_out.aminmax(dim=0)):
        raise BadInput("the held-out activations never change: how much of them is explained has no meaning")
    return Scale(factor, (mean * factor).to(examples.held_out.dtype), variance * factor**2)


def batches(examples: Examples, order: RowOrder, start: int, size: int) -> Iterator[tuple[int, Tensor]]:
    """Yield (place after it, batch) from place `start` of an order on; the tensor is used again for the next.

    Batches are whole: what is left of an epoch is not enough for a step.
    """
    cursor, total = examples.rows.cursor(order), len(order.rows)
    buffer = torch.empty(
        size,
        examples.rows.n_features,
        dtype=examples.held_out.dtype,
        device=examples.rows.device,
        # From pinned memory a GPU fetches by itself, in half the time.
        pin_memory=examples.rows.device.type == "cpu" and torch.cuda.is_available(),
    )
    for place in range(start, total - size + 1, size):
        cursor.take(place, place + size, buffer)
        yield place + size, buffer


def _split(path: Path, rows: Rows, settings: Settings) -> Examples:
    held = min(round(settings.val_share * rows.n_rows), HELD_OUT_MOST)
    if not FEWEST_HELD_OUT <= held < rows.n_rows:
        raise BadInput(
            f"{path}: {rows.n_rows} examples are too few to hold {settings.val_share:g} of them out"
        )
    left_out = Permutations(settings.seed, -1).permutation(rows.n_rows)[:held].sort().values
    sample = spread(kept_rows(rows.n_rows, left_out))
    # One pass for both: of a stream each costs a reading of the file.
    both = torch.cat([left_out, sample]).sort()
    found = rows_at(rows, both.values)
    is_held = both.indices < held
    return Examples(rows, left_out, found[is_held], found[~is_held])


def _whole(path: Path, rows: Rows) -> Tensor:
    if not isinstance(rows, ResidentRows):
        raise BadInput(f"{path}: its split `val` is larger than the memory for it; make it smaller")
    return rows.x_ND
