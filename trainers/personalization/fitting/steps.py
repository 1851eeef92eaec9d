"""One step of many networks: what they answer, what follows for their weights, and how Adam moves these.

Where a step is recorded, what it reads lies in tensors that stay where they are
(`trainers.common.cuda_graphs`).

Shapes: M networks, B windows a step, C channels, T samples, N numbers for dropout, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

import torch
from torch import Tensor, nn

from trainers.common.cuda_graphs import Recorder, WholeStep
from trainers.personalization.fitting import dense
from trainers.personalization.fitting.adam import Rates
from trainers.personalization.fitting.dropping import Keeps
from trainers.personalization.fitting.layers import forward
from trainers.personalization.fitting.rows import Part


@dataclass(frozen=True)
class Given:
    """What differs from step to step."""

    X_MBCT: Tensor
    numbers_MN: Tensor
    """For dropout."""
    wanted_MBK: Tensor
    weight_MB1: Tensor
    """Of each window in its network's loss; of those that only fill up a step 0."""
    rates: Rates

    @property
    def tensors(self) -> list[Tensor]:
        """All tensors of it."""
        return [self.X_MBCT, self.numbers_MN, self.wanted_MBK, self.weight_MB1, *self.rates.tensors]

    def copy(self) -> Given:
        """Return the same in memory of its own."""
        X, numbers, wanted, weight, *rates = (tensor.clone() for tensor in self.tensors)
        return Given(X, numbers, wanted, weight, Rates(self.rates.lr, *rates))


class Steps:
    """The layers of a stack, which learn step by step."""

    def __init__(self, layers: nn.Sequential, keeps: Keeps, *, by_row: bool) -> None:
        """`by_row` is how Adam goes: the quicker way on a CPU, and not to be recorded."""
        self._by_row = by_row
        self._front, self._dense = dense.split_off_dense(layers)
        self._keeps = keeps
        self._front_leaves = sum(1 for _ in self._front.parameters())

    def take(self, part: Part, given: Given) -> Tensor:
        """Move the networks of a part by a step; return their logits [M, B, K]."""
        cut = self._front_leaves
        front, leaves = part.leaves[:cut], part.leaves[cut:]
        X = forward(self._front, given.X_MBCT, iter(front))
        with torch.no_grad():
            masks = self._keeps.masks(given.numbers_MN)
            logits, tape = dense.forward(self._dense, X.detach(), iter(leaves), iter(masks))
            asked = (logits.softmax(2) - given.wanted_MBK) * given.weight_MB1
            back = dense.backward(tape, asked, leaves, part.gradients[cut:], to_input=bool(cut))
        if back is not None:
            found = torch.autograd.grad(X, front, back)
            for place, gradient in zip(islice(part.gradients, cut), found, strict=True):
                place.copy_(gradient)
        with torch.no_grad():
            part.memory.step(given.rates, by_row=self._by_row)
        return logits


class RecordedSteps:
    """Steps that all networks of a stack take: recorded once, repeated while the stack keeps its size."""

    def __init__(self, steps: Steps, part: Part, recorder: Recorder) -> None:
        self._given: Given | None = None
        self._logits: Tensor | None = None

        def take() -> None:
            assert self._given is not None
            found = steps.take(part, self._given)
            self._logits = found if self._logits is None else self._logits.copy_(found)

        self._whole = WholeStep(take, recorder)

    def take(self, given: Given) -> Tensor:
        """Move all networks by a step; return their logits, which the next step overwrites."""
        if self._given is None:
            self._given = given.copy()
        else:
            for place, found in zip(self._given.tensors, given.tensors, strict=True):
                place.copy_(found)
        self._whole()
        assert self._logits is not None
        return self._logits
