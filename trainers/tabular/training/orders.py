"""Which rows each member learns from at which step, and the generators that its dropout draws from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from trainers.common.seeds import derive_seed
from trainers.tabular.models.layers import Dropout
from trainers.tabular.training.members import Member


@dataclass(frozen=True)
class Share:
    """How the rows of a member become steps.  What is left of an epoch and less than a step is left out."""

    rows: int
    batch: int

    @property
    def steps(self) -> int:
        """Steps of an epoch."""
        return self.rows // self.batch


def share_of(member: Member, batch_size: int) -> Share:
    """Return how a member's rows become steps: all of them in one where they are fewer than a batch."""
    return Share(len(member.train), min(batch_size, len(member.train)))


def epoch_order(members: Sequence[Member], batch: int, epoch: int) -> Tensor:
    """Return the rows of every step of an epoch, [steps, M, batch], in an order drawn for each member.

    A member with fewer steps than others is given its first rows again for what it sits out.
    """
    drawn = [_drawn(member, batch, epoch) for member in members]
    most = max(len(steps) for steps in drawn)
    filled = [torch.cat([steps, steps[:1].expand(most - len(steps), -1)]) for steps in drawn]
    return torch.stack(filled, 1)


def _drawn(member: Member, batch: int, epoch: int) -> Tensor:
    generator = torch.Generator().manual_seed(derive_seed(member.seed, "order", epoch))
    order = torch.randperm(len(member.train), generator=generator)
    whole = len(order) // batch * batch
    return member.train[order[:whole]].view(-1, batch)


class Streams:
    """A generator for each member."""

    def __init__(self, members: Sequence[Member], device: torch.device) -> None:
        self._members = list(members)
        self.generators = [torch.Generator(device) for _ in members]

    def give(self, network: nn.Module) -> None:
        """Let the dropout of a network draw from them."""
        for module in network.modules():
            if isinstance(module, Dropout):
                module.generators = self.generators

    def start(self, epoch: int) -> None:
        """Begin what is drawn in an epoch, whatever was drawn before it."""
        for member, generator in zip(self._members, self.generators, strict=True):
            generator.manual_seed(derive_seed(member.seed, "dropout", epoch))

    def kept(self, members: Sequence[int]) -> Streams:
        """Return the streams of some members."""
        made = Streams([self._members[number] for number in members], torch.device("cpu"))
        made.generators = [self.generators[number] for number in members]
        return made
