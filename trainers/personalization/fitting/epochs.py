"""What the networks of a stack see in an epoch, step by step, and what they are told of it.

Every network's steps have the same number of windows, whoever is trained beside it: what a batch lacks is
filled up with a window that weighs nothing.  So its sums are of the same numbers in the same order.

Shapes: M networks, S steps, B windows a step, C channels, T samples, K classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.common.seeds import derive_seed
from trainers.personalization.data import Windows
from trainers.personalization.fitting.courses import Schedule, Trainee
from trainers.personalization.sampling import TrainingSet
from trainers.personalization.scoring import Scores, scores_of_many


def width(train: TrainingSet) -> int:
    """Return how many windows a step has: a batch, or for fewer windows the next power of two."""
    return min(train.batch_size, 1 << (len(train.windows) - 1).bit_length())


@dataclass
class Chance:
    """All that is random in an epoch of one network."""

    order: torch.Generator
    """Of batches and augmentation."""
    dropout: torch.Generator

    @classmethod
    def of(cls, schedule: Schedule, epoch: int, device: torch.device) -> Chance:
        """Return what is drawn from in an epoch, counted from 1."""
        seed = derive_seed(schedule.seed, schedule.stage, epoch)
        return cls(*(torch.Generator(device).manual_seed(seed) for _ in range(2)))


class Pool:
    """The training windows of all networks, one after the other."""

    def __init__(self, trainees: Sequence[Trainee], windows: Sequence[Windows]) -> None:
        self._windows = list(windows)
        self.width = width(trainees[0].train)
        self._sizes = [torch.tensor([len(b) for b in _batches(one)]) for one in trainees]
        self._join()

    def _join(self) -> None:
        parts = self._windows
        first = torch.tensor([0, *(len(part) for part in parts)]).cumsum(0)[:-1]
        self.first = first.tolist()
        self.X = torch.cat([part.X_NCT for part in parts])
        self.y = torch.cat([part.y_N for part in parts])
        self.steps = [len(sizes) for sizes in self._sizes]
        filled = torch.zeros(max(self.steps), len(parts), dtype=torch.int64)
        for member, sizes in enumerate(self._sizes):
            filled[: len(sizes), member] = sizes
        self.filled = filled.tolist()
        """Windows of each step and network."""
        self.filled_SM = filled.to(self.y.device)
        self.real_SMB = torch.arange(self.width, device=self.y.device) < self.filled_SM[:, :, None]

    def order(self, member: int, batches: Sequence[Tensor], into_SMB: Tensor) -> None:
        """Write which windows a network sees into its places."""
        real_SB = self.real_SMB[:, member]
        into_SMB[:, member].masked_scatter_(real_SB, torch.cat(list(batches)) + self.first[member])

    def cut(self, kept: Sequence[int]) -> None:
        """Forget the windows of all networks but those that are kept."""
        self._windows = [self._windows[member] for member in kept]
        self._sizes = [self._sizes[member] for member in kept]
        self._join()


def _batches(trainee: Trainee) -> list[Tensor]:
    return trainee.train.batches(torch.Generator(trainee.train.windows.y_N.device))


class Epoch:
    """One epoch of all networks of a pool; those whose `chance` is None only wait."""

    def __init__(
        self, pool: Pool, trainees: Sequence[Trainee], chances: Sequence[Chance | None], n_classes: int
    ) -> None:
        self._pool, self._n_classes = pool, n_classes
        device, real = pool.y.device, pool.real_SMB
        first = torch.tensor(pool.first, device=device)
        self._index_SMB = first[None, :, None].expand(real.shape).clone()
        for member, (trainee, chance) in enumerate(zip(trainees, chances, strict=True)):
            if chance is not None:
                pool.order(member, trainee.train.batches(chance.order), self._index_SMB)
        self._y_SMB = pool.y[self._index_SMB]
        like = pool.X
        smoothing_M = like.new_tensor([one.schedule.label_smoothing for one in trainees])
        hot_SMBK = torch.nn.functional.one_hot(self._y_SMB, n_classes).to(like)
        spread_M111 = smoothing_M[None, :, None, None]
        self._wanted_SMBK = hot_SMBK * (1 - spread_M111) + spread_M111 / n_classes
        self._weight_SMB1 = (real / pool.filled_SM.clamp(min=1)[:, :, None]).to(like)[..., None]
        self._logits_SMBK = torch.zeros_like(self._wanted_SMBK)
        order = pool.steps
        self.active = [sum(steps > step for steps in order) for step in range(max(order))]
        """How many networks take each step: the first ones."""

    def windows(self, step: int) -> Tensor:
        """Return the windows [M, B, C, T] of the networks that take a step."""
        index_MB = self._index_SMB[step, : self.active[step]]
        found = self._pool.X.index_select(0, index_MB.flatten())
        return found.view(*index_MB.shape, *found.shape[1:])

    def targets(self, step: int) -> tuple[Tensor, Tensor]:
        """Return what the networks of a step are to answer [M, B, K], and what windows weigh [M, B, 1]."""
        count = self.active[step]
        return self._wanted_SMBK[step, :count], self._weight_SMB1[step, :count]

    def remember(self, step: int, logits_MBK: Tensor) -> None:
        """Take the answers of the networks that take a step."""
        self._logits_SMBK[step, : self.active[step]] = logits_MBK

    def scores(self) -> list[Scores]:
        """Return the scores of what all networks have answered, over the windows of the epoch."""
        pool, real = self._pool, self._pool.real_SMB
        surprise_SMB = -(self._wanted_SMBK * self._logits_SMBK.log_softmax(3)).sum(3)
        # One step after the other: the sum of a network is then the same however many steps others take.
        total_SM = torch.where(real, surprise_SMB, 0).sum(2).double().cumsum(0)
        mean_M = total_SM[-1] / pool.filled_SM.sum(0)
        owner_SMB = torch.arange(real.shape[1], device=real.device)[None, :, None].expand(real.shape)
        chosen_SMB = self._logits_SMBK.argmax(3)
        return scores_of_many(
            mean_M.tolist(), owner_SMB[real], self._y_SMB[real], chosen_SMB[real], self._n_classes
        )
