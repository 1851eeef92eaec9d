"""The steps of an epoch on a device: one that is recorded and repeated, and a shorter one at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from trainers.common.cuda_graphs import Step, WholeStep
from trainers.probes.fitting.device.batches import ResidentBatches
from trainers.probes.fitting.plan import Batch

Whole = Callable[[Step, Sequence[torch.Generator]], WholeStep]
"""Makes of a step one that is recorded, with the generators that it draws from."""


class Stepping(Protocol):
    """What takes steps with batches."""

    def step(self, batch: Batch) -> None: ...


class RecordedSteps:
    """Takes the steps of an epoch for several jobs; recorded anew where their columns have changed."""

    def __init__(self, batches: ResidentBatches, n_rows: int, whole: Whole) -> None:
        self._batches, self._n_rows, self._make = batches, n_rows, whole
        self._targets: list[Tensor] = []
        self._whole: WholeStep | None = None

    def epoch(self, seed: int, epoch: int, every: Sequence[Stepping], targets: Sequence[Tensor]) -> None:
        """Take all steps of an epoch; each job's targets are the same tensor as long as its columns."""
        size = self._batches.size
        if self._whole is None or not _are_same(self._targets, targets):
            self._targets = list(targets)
            self._whole = self._make(lambda: self._step(size, every), self._batches.generators)
        self._batches.begin(seed, epoch)
        for _ in range(self._n_rows // size):
            self._whole()
        if self._n_rows % size:
            self._step(self._n_rows % size, every)

    def _step(self, size: int, every: Sequence[Stepping]) -> None:
        for columns, batch in zip(every, self._batches.take(size, self._targets), strict=True):
            columns.step(batch)


def _are_same(some: Sequence[Tensor], others: Sequence[Tensor]) -> bool:
    return len(some) == len(others) and all(one is other for one, other in zip(some, others, strict=True))
