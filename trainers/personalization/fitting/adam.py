"""Adam (Kingma & Ba, 2015) over the rows of a matrix, each a network's parameters with rates of its own.

Equal to `torch.optim.Adam` but for rounding.  Two reasons not to use that one: its constructor imports
`torch._dynamo`, which takes longer than `import torch` and than many a small job; and on small networks a
step over one matrix costs a fraction of a step over a list of tensors.

Shapes: M networks, P parameters, S steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

BETAS = 0.9, 0.999
_EPS = 1e-8


@dataclass(frozen=True)
class Rates:
    """The numbers of the next steps: each [S, M, 1]."""

    size: Tensor
    """How far a step goes, below zero: minus the learning rate over what the means still lack."""
    scale: Tensor
    """By what the roots of the squares are divided, as they begin at zero."""
    fresh: Tensor
    """The share of the parameters in their running mean that is new."""

    def at(self, step: int, count: int) -> tuple[Tensor, Tensor, Tensor]:
        """Return the numbers of a step for the first `count` networks."""
        return self.size[step, :count], self.scale[step, :count], self.fresh[step, :count]


def rates(
    lr: Sequence[float], taken: Sequence[int], steps: int, average: Sequence[float], like: Tensor
) -> Rates:
    """Return the rates of networks that have `taken` so many steps, for `steps` more of them."""
    fade_mean, fade_square = BETAS
    count = torch.arange(1, steps + 1)[:, None] + _wide(taken)
    size = -_wide(lr) / (1 - fade_mean**count)
    scale = (1 - fade_square**count).sqrt()
    # Over the first steps a mean of few, or the initial parameters would stay in it.
    kept = torch.minimum(_wide(average), count / (count + 10))
    found = [one.to(like)[:, :, None] for one in (size, scale, 1 - kept)]
    return Rates(*found)


def _wide(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def step(
    values_MP: Tensor,
    gradients_MP: Tensor,
    moments: tuple[Tensor, Tensor],
    mean_values_MP: Tensor,
    rates_M1: tuple[Tensor, Tensor, Tensor],
) -> None:
    """Move the values along the gradients, in place.

    `moments` are the running means of the gradients and of their squares.
    """
    means, squares = moments
    size, scale, fresh = rates_M1
    fade_mean, fade_square = BETAS
    means.lerp_(gradients_MP, 1 - fade_mean)
    squares.mul_(fade_square).addcmul_(gradients_MP, gradients_MP, value=1 - fade_square)
    divisor = squares.sqrt().div_(scale).add_(_EPS)
    values_MP.add_((means * size).div_(divisor))
    if mean_values_MP is not values_MP:
        mean_values_MP.lerp_(values_MP, fresh)
