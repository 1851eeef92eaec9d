"""What dropout drops: each network draws from its own generator, and many steps at once.

Shares are rounded to 65,536ths: whole numbers of 16 bits are drawn and compared in a fraction of the time
that draws of zeros and ones take.

Shapes: M networks, S steps, B windows a step, F features, N numbers a step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_PARTS = 1 << 16
_IN_ONE = 4
"""Numbers of 16 bits in one of 64."""
_MOST_NUMBERS = 1 << 17
"""That a network draws at once."""


@dataclass(frozen=True)
class Keeps:
    """What the networks keep at each of their layers of dropout."""

    shapes: tuple[tuple[int, int], ...]
    """Windows a step and features of each layer."""
    below: list[Tensor]
    """Numbers below it keep: a tensor [M, 1, 1] a layer."""
    scale: list[Tensor]
    """What makes up for what is dropped, likewise."""
    some: tuple[bool, ...]
    """Whether each network drops anything at all."""

    @classmethod
    def of(
        cls, shares_ML: Sequence[Sequence[float]], widths: Sequence[int], windows: int, like: Tensor
    ) -> Keeps:
        """Return what networks keep that keep these shares; `widths` are the features of the layers."""
        parts = torch.tensor(shares_ML, dtype=torch.float64).mul(_PARTS).round().clamp(min=1)
        layers = parts.t()[:, :, None, None].to(like.device)
        below, scale = layers - _PARTS // 2, _PARTS / layers
        return cls(
            tuple((windows, width) for width in widths),
            list(below.to(like).unbind()),
            list(scale.to(like).unbind()),
            tuple(any(share < 1 for share in shares) for shares in shares_ML),
        )

    @property
    def numbers(self) -> int:
        """How many numbers a network draws for a step."""
        needed = sum(windows * width for windows, width in self.shapes)
        return -(-needed // _IN_ONE) * _IN_ONE

    def masks(self, numbers_MN: Tensor) -> list[Tensor]:
        """Return what each layer of dropout multiplies by, [M, B, F]."""
        found, start, count = [], 0, len(numbers_MN)
        for (windows, width), below, scale in zip(self.shapes, self.below, self.scale, strict=True):
            own = numbers_MN[:, start : start + windows * width].to(below.dtype)
            mask = own.view(count, windows, width).lt_(below[:count]).mul_(scale[:count])
            found.append(mask)
            start += windows * width
        return found


class Drawn:
    """The numbers of an epoch, step by step."""

    def __init__(self, keeps: Keeps, generators: Sequence[torch.Generator | None]) -> None:
        """Networks without a generator draw nothing: whatever their masks are does not count."""
        self._generators = [g if some else None for g, some in zip(generators, keeps.some, strict=True)]
        self._block = max(1, _MOST_NUMBERS // max(1, keeps.numbers))
        device = keeps.below[0].device if keeps.below else None
        shape = (len(generators), self._block, keeps.numbers // _IN_ONE)
        self._whole = torch.zeros(shape, dtype=torch.int64, device=device)
        self._numbers_MSN = self._whole.view(torch.int16)

    def at(self, step: int, count: int) -> Tensor:
        """Return the numbers [M, N] of the first `count` networks; steps are asked for in order."""
        place = step % self._block
        if not place:
            for own, generator in zip(self._whole[:count], self._generators, strict=False):
                if generator is not None:
                    own.random_(-(1 << 63), None, generator=generator)
        return self._numbers_MSN[:count, place]
