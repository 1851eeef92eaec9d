"""The parameters of many networks of one shape as the rows of matrices.

Shapes: M networks, P parameters of each and what fills their places up.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor, nn

from trainers.personalization.fitting import adam
from trainers.personalization.fitting.moments import Moments

_ALIGNED = 16
"""Numbers between the places of parameters: products round alike only where memory lies alike."""


@dataclass(frozen=True)
class Layout:
    """Where each parameter lies in a row."""

    shapes: tuple[torch.Size, ...]
    starts: tuple[int, ...]
    """One more than there are parameters: the last one is the length of a row."""

    @classmethod
    def of(cls, network: nn.Module) -> Layout:
        """Return the places of the parameters of a network, in their order."""
        shapes = tuple(parameter.shape for parameter in network.parameters())
        return cls(shapes, (0, *accumulate(-(-shape.numel() // _ALIGNED) * _ALIGNED for shape in shapes)))

    def views(self, matrix: Tensor) -> list[Tensor]:
        """Return the parameters [M, …] that lie in a matrix [M, P]."""
        return [
            matrix[:, start : start + shape.numel()].unflatten(1, shape)
            for start, shape in zip(self.starts, self.shapes, strict=False)
        ]

    def row(self, flat: Tensor) -> Tensor:
        """Return as a row what lies without gaps."""
        row = flat.new_zeros(1, self.starts[-1])
        sizes = [shape.numel() for shape in self.shapes]
        for view, part in zip(self.views(row), flat.split(sizes), strict=True):
            view.copy_(part.view(view.shape))
        return row[0]

    def flat(self, row: Tensor) -> Tensor:
        """Return a row without gaps."""
        return torch.cat([view.flatten() for view in self.views(row[None])])


@dataclass(frozen=True)
class Part:
    """The first networks of all: their parameters, where the gradients of these belong, and Adam's rows."""

    leaves: list[Tensor]
    """Of them products can be derived."""
    gradients: list[Tensor]
    memory: adam.Memory

    @classmethod
    def of(cls, layout: Layout, memory: adam.Memory) -> Part:
        """Return the parts of rows."""
        leaves = [view.detach().requires_grad_() for view in layout.views(memory.values)]
        return cls(leaves, layout.views(memory.gradients), memory)


class Rows:
    """The parameters of networks, their gradients, and what Adam remembers of each."""

    def __init__(self, networks: Sequence[nn.Module], moments: Sequence[Moments], averaged: bool) -> None:
        """`averaged` says whether the running means of the parameters are kept."""
        self.layout = Layout.of(networks[0])
        flat = [torch.cat([p.detach().flatten() for p in one.parameters()]) for one in networks]
        self.values = self._stacked(flat)
        self._means = self._stacked([one.means for one in moments])
        self._squares = self._stacked([one.squares for one in moments])
        self.averages = self._stacked([one.average for one in moments]) if averaged else self.values
        self.best = self.averages.clone()
        """The averages of the best epoch."""
        self._renew()

    def _stacked(self, flat: Sequence[Tensor]) -> Tensor:
        return torch.stack([self.layout.row(one) for one in flat])

    def _renew(self) -> None:
        self._gradients = torch.zeros_like(self.values)
        self._parts: dict[int, Part] = {}

    def first(self, count: int) -> Part:
        """Return the first `count` networks, as they are now and will be."""
        if count not in self._parts:
            memory = adam.Memory(self.values, self._gradients, self._means, self._squares, self.averages)
            self._parts[count] = Part.of(self.layout, memory.first(count))
        return self._parts[count]

    def keep_best(self, rows: Tensor) -> None:
        """Remember the averages of these networks as their best."""
        self.best.index_copy_(0, rows, self.averages.index_select(0, rows))

    def remember(self, row: int, network: nn.Module, best: Mapping[str, Tensor]) -> None:
        """Take the best weights of a network from before, if any, by their names."""
        if best:
            names = [name for name, _ in network.named_parameters()]
            flat = torch.cat([best[name].flatten() for name in names]).to(self.best)
            self.best[row] = self.layout.row(flat)

    def moments(self, row: int, steps: int) -> Moments:
        """Return what Adam remembers of a network that has taken so many steps."""
        found = (self._means, self._squares, self.averages)
        return Moments(steps, *(self.layout.flat(one[row]) for one in found))

    def put(self, row: Tensor, network: nn.Module) -> None:
        """Give a network the parameters of a row, which lie as one vector in its file, too."""
        _lay(self.layout.flat(row), network)

    def cut(self, kept: Tensor) -> None:
        """Forget all networks but those of the rows that are kept."""
        averaged = self.averages is not self.values
        self.values, self._means, self._squares, self.best = (
            one.index_select(0, kept) for one in (self.values, self._means, self._squares, self.best)
        )
        self.averages = self.averages.index_select(0, kept) if averaged else self.values
        self._renew()


def lie_as_one(network: nn.Module) -> None:
    """Lay the parameters of a network as one vector, as `Rows.put` does: equal bytes in its file."""
    _lay(torch.cat([parameter.detach().flatten() for parameter in network.parameters()]), network)


def _lay(flat: Tensor, network: nn.Module) -> None:
    parameters = list(network.parameters())
    parts = flat.split([parameter.numel() for parameter in parameters])
    for parameter, part in zip(parameters, parts, strict=True):
        parameter.data = part.view_as(parameter)
