"""What members minimise.

Regression: the mean squared error over the valid targets, and where rows may be without, the cross-entropy of
a logit for that besides.  Classes: the cross-entropy.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from trainers.tabular.data.dataset import Problem


@dataclass(frozen=True)
class Sums:
    """Losses of members added up over rows: each [M]."""

    squares: Tensor
    values: Tensor
    """How many valid targets the squares are of."""
    entropy: Tensor
    rows: Tensor

    def __add__(self, other: Sums) -> Sums:
        """Return the sums over the rows of both."""
        return Sums(
            self.squares + other.squares,
            self.values + other.values,
            self.entropy + other.entropy,
            self.rows + other.rows,
        )

    @property
    def mean(self) -> Tensor:
        """The loss of each member, [M]."""
        return self.squares / self.values.clamp(min=1) + self.entropy / self.rows.clamp(min=1)


def summed(
    problem: Problem, outputs: Tensor, targets: Tensor, counted: Tensor | None = None, smoothing: float = 0.0
) -> Sums:
    """Return the losses of outputs [M, N, outputs], or [M, N, k, outputs] that are trained apart.

    `targets` are [M, N, T] or class numbers [M, N]; `counted` [M, N] is 0 for rows that only fill a batch up.
    """
    if outputs.dim() == 4:
        apart = outputs.shape[2]
        outputs, targets = outputs.flatten(1, 2), targets.repeat_interleave(apart, 1)
        counted = None if counted is None else counted.repeat_interleave(apart, 1)
    outputs = outputs.to(torch.promote_types(outputs.dtype, torch.float32))
    counted = outputs.new_ones(outputs.shape[:2]) if counted is None else counted
    if problem.kind == "regression":
        return _of_values(problem, outputs, targets, counted)
    entropy = _of_classes(problem, outputs, targets, smoothing)
    nothing = torch.zeros_like(counted[:, 0])
    return Sums(nothing, nothing, (entropy * counted).sum(1), counted.sum(1))


def _of_values(problem: Problem, outputs: Tensor, targets: Tensor, counted: Tensor) -> Sums:
    count = len(problem.targets)
    valid = ~targets.isnan()
    weights = valid * counted.unsqueeze(-1)
    errors = (outputs[..., :count] - targets.nan_to_num()) * weights
    squares, values = errors.square().sum((1, 2)), weights.sum((1, 2))
    if not problem.viability:
        nothing = torch.zeros_like(values)
        return Sums(squares, values, nothing, nothing)
    viable = valid.all(-1).to(outputs.dtype)
    entropy = functional.binary_cross_entropy_with_logits(outputs[..., count], viable, reduction="none")
    return Sums(squares, values, (entropy * counted).sum(1), counted.sum(1))


def _of_classes(problem: Problem, outputs: Tensor, targets: Tensor, smoothing: float) -> Tensor:
    if problem.kind == "binary":
        truth = targets.to(outputs.dtype) * (1 - smoothing) + smoothing / 2
        return functional.binary_cross_entropy_with_logits(outputs[..., 0], truth, reduction="none")
    flat = functional.cross_entropy(
        outputs.flatten(0, 1), targets.flatten(), reduction="none", label_smoothing=smoothing
    )
    return flat.view(targets.shape)
