"""Standardised inputs: statistics of the training windows, as the first layer of a network.

As buffers of the network they travel with its weights: whoever loads a model gives it windows as they are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

CONSTANT = 1e-6
"""A deviation below this share of the mean's size is rounding, not information."""
FAR = 3.0
"""Deviations that no input goes beyond."""


class Standardise(nn.Module):
    """Subtracts the mean, divides by the deviation, and draws in what is far out: z / sqrt(1 + (z / 3)²).

    A value of one deviation stays about one, and none is beyond three: with few windows a single outlier
    would otherwise steer a network, and new people bring values that training has not seen.
    """

    mean: Tensor
    inverse: Tensor

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("inverse", torch.ones(shape))

    def forward(self, X_NCT: Tensor) -> Tensor:
        """Return the windows, standardised."""
        z = (X_NCT - self.mean) * self.inverse
        return z * torch.rsqrt(1 + (z / FAR) ** 2)

    def learn(self, X_NCT: Tensor) -> None:
        """Take the statistics of these windows: of each sample, or over all samples of a channel."""
        axes = (0,) if self.mean.shape[1] == X_NCT.shape[2] else (0, 2)
        wide = X_NCT.double()
        mean = wide.mean(axes, keepdim=True)[0]
        deviation = (wide - mean).square().mean(axes, keepdim=True)[0].sqrt()
        varies = deviation > CONSTANT * mean.abs()
        # 0 keeps what never changed in training out of the network, whatever it is in other windows.
        inverse = torch.where(varies, 1 / deviation, 0)
        self.mean.copy_(mean)
        self.inverse.copy_(inverse)

    @property
    def n_constant(self) -> int:
        """How many inputs never changed in training."""
        return int((self.inverse == 0).sum())


def learn_inputs(network: nn.Module, X_NCT: Tensor) -> list[str]:
    """Give the network the statistics of its training windows; return what the user should know of them."""
    first = next(iter(network.children()))
    if not isinstance(first, Standardise):
        return []
    first.learn(X_NCT)
    constant, total = first.n_constant, first.mean.numel()
    if not constant:
        return []
    return [f"{constant} of {total} inputs are constant in training; the network does not see them"]
