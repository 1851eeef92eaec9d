"""Inputs of like scale: statistics of the training windows, as the first layer of a network.

As buffers of the network they travel with its weights: whoever loads a model gives it windows as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

CONSTANT = 1e-6
"""A deviation below this share of the mean's size is rounding, not information."""
FAR = 3.0
"""Deviations that no input goes beyond."""
LEAST = 0.00135
"""The share of a normal variable that is beyond `FAR` deviations on one side."""
RANKS = 100
"""Quantiles that are kept of each input."""
_CHUNK = 256
"""Windows at a time, so that looking up ranks needs little memory."""


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
    def n_inputs(self) -> int:
        """How many inputs have statistics of their own."""
        return self.mean.numel()

    @property
    def n_constant(self) -> int:
        """How many inputs never changed in training."""
        return int((self.inverse == 0).sum())


class Quantiles(nn.Module):
    """Gives each value its rank among the training windows, as the normal deviate of that rank.

    Whatever its units and tails, an input is then spread like a normal variable within three deviations;
    equal values share the middle of their ranks.
    """

    table: Tensor

    def __init__(self, shape: tuple[int, int]) -> None:
        super().__init__()
        self.register_buffer("table", torch.linspace(-FAR, FAR, RANKS).repeat(*shape, 1))

    def forward(self, X_NCT: Tensor) -> Tensor:
        """Return the windows as normal deviates."""
        by_sample = self.table.shape[1] > 1
        wide = X_NCT.flatten(1).t() if by_sample else X_NCT.transpose(0, 1).flatten(1)
        found = _deviates(self.table.flatten(0, 1), wide.contiguous())
        n, channels, samples = X_NCT.shape
        return (
            found.t().view(n, channels, samples)
            if by_sample
            else found.view(channels, n, samples).transpose(0, 1)
        )

    def learn(self, X_NCT: Tensor) -> None:
        """Take the quantiles of these windows: of each sample, or over all samples of a channel."""
        by_sample = self.table.shape[1] > 1
        ordered = (X_NCT.flatten(1) if by_sample else X_NCT.transpose(1, 2).flatten(0, 1)).sort(0).values
        place = torch.linspace(0, len(ordered) - 1, RANKS, dtype=X_NCT.dtype, device=ordered.device)
        below = place.floor().long()
        share = (place - below)[:, None]
        table = ordered[below].lerp(ordered[(below + 1).clamp(max=len(ordered) - 1)], share)
        # Rounding may leave neighbours out of order, and a search needs them in order.
        self.table.copy_(table.cummax(0).values.t().view(self.table.shape))

    @property
    def n_inputs(self) -> int:
        """How many inputs have quantiles of their own."""
        return self.table[..., 0].numel()

    @property
    def n_constant(self) -> int:
        """How many inputs never changed in training."""
        return int((self.table[..., 0] == self.table[..., -1]).sum())


def _deviates(table_FQ: Tensor, X_FN: Tensor) -> Tensor:
    """Return the normal deviate of each value's rank in its row of the table; 0 where the row is constant."""
    last = table_FQ.shape[1] - 1
    ranks = []
    for right in (False, True):
        above = torch.searchsorted(table_FQ, X_FN, right=right)
        below = (above - 1).clamp(0, last - 1)
        low, high = table_FQ.gather(1, below), table_FQ.gather(1, below + 1)
        ranks.append(
            (below + (X_FN - low) / (high - low)).where((above > 0) & (above <= last), above.clamp(max=last))
        )
    share = (ranks[0] + ranks[1]) / (2 * last)
    deviates = torch.special.ndtri(share.clamp(LEAST, 1 - LEAST))
    return deviates.where(table_FQ[:, :1] < table_FQ[:, -1:], 0.0)


LAYERS: dict[str, type[Standardise | Quantiles]] = {"standardised": Standardise, "quantiles": Quantiles}
"""By what `--inputs` calls them; raw inputs need none."""


def split_off_inputs(network: nn.Module) -> tuple[nn.Sequential, Callable[[Tensor], Tensor]]:
    """Return the layers after that of the inputs, and what the layer of the inputs makes of windows."""
    first, *others = network.children()
    if not isinstance(first, (Standardise, Quantiles)):
        whole = network if isinstance(network, nn.Sequential) else nn.Sequential(first, *others)
        return whole, lambda X_NCT: X_NCT
    return nn.Sequential(*others), lambda X_NCT: torch.cat([first(part) for part in X_NCT.split(_CHUNK)])


def learn_inputs(network: nn.Module, X_NCT: Tensor) -> list[str]:
    """Give the network the statistics of its training windows; return what the user should know of them."""
    first = next(iter(network.children()))
    if not isinstance(first, (Standardise, Quantiles)):
        return []
    first.learn(X_NCT)
    constant, total = first.n_constant, first.n_inputs
    if not constant:
        return []
    return [f"{constant} of {total} inputs are constant in training; the network does not see them"]
