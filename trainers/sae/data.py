"""The examples of a training: which are held out, in what order the others come, and their scale.

Every epoch visits the training examples in a permutation that is drawn from seed and epoch alone.  Rows that
are streamed come in shuffled windows of shuffled blocks (`trainers.common.activations.rows`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from trainers.common.activations.reading import Wanted, has_split, read_rows
from trainers.common.activations.rows import ResidentRows, RowOrder, Rows
from trainers.common.errors import BadInput
from trainers.common.memory import available_bytes
from trainers.common.seeds import derive_seed
from trainers.sae.settings import Settings

SCALE_ROWS = 100_000
"""Examples from which mean and scale are taken."""
MEMORY_SHARE = 0.6


@dataclass(frozen=True)
class Examples:
    """Training examples, and those that are held out."""

    rows: Rows
    kept: Tensor | None
    """Rows that are for training, int64; None takes all."""
    held_out: Tensor
    """[V, D]"""

    @property
    def n_train(self) -> int:
        """How many examples there are for training."""
        return self.rows.n_rows if self.kept is None else len(self.kept)

    def order(self, seed: int, epoch: int) -> RowOrder:
        """Return the order of an epoch."""
        shuffler = Permutations(seed, epoch)
        if self.kept is None:
            return self.rows.order(shuffler)
        return RowOrder(self.kept[shuffler.permutation(len(self.kept))])

    def some(self) -> Tensor:
        """Return training examples from all over the file, for statistics [n, D]."""
        if not isinstance(self.rows, ResidentRows):
            return next(self.rows.blocks())
        chosen = torch.arange(self.rows.n_rows) if self.kept is None else self.kept
        return self.rows.x_ND[chosen[:: max(1, len(chosen) // SCALE_ROWS)]]


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


def read_examples(path: Path, layer: int | None, settings: Settings) -> Examples:
    """Read a file of activations and hold a part out; BadInput where that leaves nothing to train on."""
    dtype = torch.float64 if settings.precision == "float64" else torch.float32
    memory = int(available_bytes() * MEMORY_SHARE)
    rows = read_rows(path, Wanted(layer, "train", dtype, settings.max_samples, memory))
    if has_split(path, layer, "val"):
        held = read_rows(path, Wanted(layer, "val", dtype, settings.max_samples, memory))
        return Examples(rows, None, _whole(path, held))
    return _split(path, rows, settings)


def scale_of(examples: Examples, settings: Settings) -> Scale:
    """Return the statistics of the training examples; BadInput where they never change."""
    x = examples.some().double()
    factor = x.shape[1] ** 0.5 / float(x.norm(dim=1).mean()) if settings.normalise else 1.0
    mean = x.mean(0)
    variance = float((x - mean).square().sum(1).mean())
    if not variance > 1e-12 * float(x.square().sum(1).mean()):
        raise BadInput("the activations never change: there is nothing that latents could tell apart")
    return Scale(factor, (mean * factor).to(examples.held_out.dtype), variance * factor**2)


def batches(examples: Examples, order: RowOrder, start: int, size: int) -> Iterator[tuple[int, Tensor]]:
    """Yield (place after it, batch) from place `start` of an order on; the tensor is used again for the next.

    Batches are whole: what is left of an epoch is not enough for a step.
    """
    cursor, total = examples.rows.cursor(order), len(order.rows)
    buffer = torch.empty(size, examples.rows.n_features, dtype=examples.held_out.dtype)
    if not isinstance(examples.rows, ResidentRows):
        for place in range(0, start, size):  # a stream has no middle to begin in
            cursor.take(place, place + size, buffer)
    for place in range(start, total - size + 1, size):
        cursor.take(place, place + size, buffer)
        yield place + size, buffer


def _split(path: Path, rows: Rows, settings: Settings) -> Examples:
    if not isinstance(rows, ResidentRows):
        raise BadInput(
            f"{path}: is larger than the memory for it and has no split `val` to validate on: write one, "
            "or lower --max-samples"
        )
    order = Permutations(settings.seed, -1).permutation(rows.n_rows)
    held = round(settings.val_share * rows.n_rows)
    if not 1 <= held < rows.n_rows:
        raise BadInput(
            f"{path}: {rows.n_rows} examples are too few to hold {settings.val_share:g} of them out"
        )
    return Examples(rows, order[held:].sort().values, rows.x_ND[order[:held].sort().values])


def _whole(path: Path, rows: Rows) -> Tensor:
    if not isinstance(rows, ResidentRows):
        raise BadInput(f"{path}: its split `val` is larger than the memory for it; make it smaller")
    return rows.x_ND
