"""Adam (Kingma & Ba, 2015) over the rows of matrices, each a network's parameters with rates of its own.

Equal to `torch.optim.Adam` but for rounding.  Two reasons not to use that one: its constructor imports
`torch._dynamo`, which takes longer than `import torch` and than many a small job; and on small networks a
step over one matrix costs a fraction of a step over a list of tensors.

On a CPU a step is one pass over each row, by the kernel of `torch.optim.Adam(fused=True)`: what takes time
there is memory.  Elsewhere it is a few launches for all rows, whose numbers lie in tensors: so it can be
recorded.

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
    """The numbers of one step, or of several in a row: each tensor [M, 1], or [S, M, 1]."""

    lr: tuple[float, ...]
    """Of each network."""
    taken: Tensor
    """Steps that each network has taken with this one, float32."""
    size: Tensor
    """How far a step goes, below zero: minus the learning rate over what the means still lack."""
    scale: Tensor
    """By what the roots of the squares are divided, as they begin at zero."""
    fresh: Tensor
    """The share of the parameters in their running mean that is new."""

    def at(self, step: int, count: int) -> Rates:
        """Return the numbers of a step for the first `count` networks."""
        return Rates(self.lr[:count], *(one[step, :count] for one in self.tensors))

    @property
    def tensors(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What differs from step to step."""
        return self.taken, self.size, self.scale, self.fresh


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
    return Rates(tuple(lr), count.float()[:, :, None].to(like.device), *found)


def _wide(values: Sequence[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@dataclass(frozen=True)
class Memory:
    """What Adam moves and remembers; each tensor is [M, P], and changed in place."""

    values: Tensor
    gradients: Tensor
    means: Tensor
    """The running means of the gradients."""
    squares: Tensor
    """The running means of their squares."""
    averages: Tensor
    """The running means of the values, or the values themselves where none are kept."""

    def first(self, count: int) -> Memory:
        """Return that of the first networks; what changes there changes here."""
        values = self.values[:count]
        averages = values if self.averages is self.values else self.averages[:count]
        return Memory(values, self.gradients[:count], self.means[:count], self.squares[:count], averages)

    def step(self, rates: Rates, *, by_row: bool) -> None:
        """Move the values along the gradients, row by row or all at once."""
        (_row_by_row if by_row else _at_once)(self, rates)
        if self.averages is not self.values:
            self.averages.lerp_(self.values, rates.fresh)


def _row_by_row(memory: Memory, rates: Rates) -> None:
    alike: dict[float, list[int]] = {}
    for row, lr in enumerate(rates.lr):
        alike.setdefault(lr, []).append(row)
    matrices = (memory.values, memory.gradients, memory.means, memory.squares, rates.taken[:, 0])
    all_rows = [matrix.unbind() for matrix in matrices]
    for lr, rows in alike.items():
        values, gradients, means, squares, taken = ([one[row] for row in rows] for one in all_rows)
        torch._fused_adam_(
            values,
            gradients,
            means,
            squares,
            [],
            taken,
            lr=lr,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=0.0,
            eps=_EPS,
            amsgrad=False,
            maximize=False,
        )


def _at_once(memory: Memory, rates: Rates) -> None:
    fade_mean, fade_square = BETAS
    gradients, squares = memory.gradients, memory.squares
    memory.means.lerp_(gradients, 1 - fade_mean)
    squares.mul_(fade_square).addcmul_(gradients, gradients, value=1 - fade_square)
    divisor = squares.sqrt().div_(rates.scale).add_(_EPS)
    memory.values.add_((memory.means * rates.size).div_(divisor))
