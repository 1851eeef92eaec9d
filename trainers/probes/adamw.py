"""AdamW over stacked parameters, with a learning rate and a decay of its own for every column."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from trainers.probes.stacked import Parameters, take

_Piece = tuple[str, slice, Tensor, Tensor, Tensor, Tensor]
"""A parameter's name, which columns of it, and of these the values, both moments and scratch space."""

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8
SERIAL = 32767
CACHED = 8 * SERIAL


class StackedAdamW:
    """Updates parameters in place as torch.optim.AdamW would update each column alone.

    A column cannot be frozen by zero gradients: its moments and its decay still move it.  A column that is
    done must be left out of `keep`.
    """

    def __init__(self, parameters: Parameters, weight_decay_C: Tensor) -> None:
        self._decay_C = weight_decay_C
        self._first = {name: torch.zeros_like(value) for name, value in parameters.items()}
        self._second = {name: torch.zeros_like(value) for name, value in parameters.items()}
        self._steps = 0
        self._pieces = list(self._cut(parameters))

    @torch.no_grad()
    def step(self, gradients: Parameters, lr_C: Tensor) -> None:
        """Take one step with learning rates `lr_C` (float64)."""
        self._steps += 1
        dtype = next(iter(self._first.values())).dtype
        root = math.sqrt(1 - BETA2**self._steps)
        keep_C = (1 - lr_C * self._decay_C).to(dtype)
        size_C = (lr_C * root / (1 - BETA1**self._steps)).to(dtype)
        for name, columns, value, first, second, scratch in self._pieces:
            gradient = gradients[name][columns]
            value.mul_(_broadcast(keep_C[columns], value))
            first.lerp_(gradient, 1 - BETA1)
            second.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
            torch.sqrt(second, out=scratch).add_(EPSILON * root)
            torch.div(first, scratch, out=scratch)
            value.addcmul_(scratch, _broadcast(size_C[columns], value), value=-1)

    def keep(self, columns: Tensor, parameters: Parameters) -> None:
        """Go on with the columns at the given places only, whose values are now `parameters`."""
        self._decay_C = self._decay_C[columns]
        self._first = take(self._first, columns)
        self._second = take(self._second, columns)
        self._pieces = list(self._cut(parameters))

    def _cut(self, parameters: Parameters) -> Iterator[_Piece]:
        for name, value in parameters.items():
            rows = _rows_at_a_time(value)
            for start in range(0, len(value), rows):
                columns = slice(start, start + rows)
                piece = value.detach()[columns]
                first, second = self._first[name][columns], self._second[name][columns]
                yield name, columns, piece, first, second, torch.empty_like(piece)


def _rows_at_a_time(value: Tensor) -> int:
    """Return how many columns of `value` to update together.

    On a CPU torch hands more than SERIAL elements to several threads, which for ten short operations costs
    more than it saves while all of the state fits into a cache.
    """
    if value.device.type != "cpu" or value.numel() > CACHED:
        return max(1, len(value))
    return max(1, SERIAL // value.shape[1:].numel())


def _broadcast(values_C: Tensor, like: Tensor) -> Tensor:
    return values_C.view(-1, *[1] * (like.ndim - 1))
