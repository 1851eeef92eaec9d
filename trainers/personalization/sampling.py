"""Which windows make a batch, and how they are varied.

Everything random is drawn from the generator that is passed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from trainers.common.seeds import derive_seed
from trainers.personalization.data import Windows, concatenate


@dataclass(frozen=True)
class Augmentation:
    """Noise and scaling for training windows."""

    jitter_std: float
    magnitude_range: tuple[float, float]
    probability: float
    """Chance of each of the two, for each window by itself."""

    def apply(self, X_NCT: Tensor, generator: torch.Generator) -> Tensor:
        """Return a varied copy of the windows."""
        return vary(self, X_NCT[None], [generator], [len(X_NCT)])[0]


def vary(
    how: Augmentation,
    X_MNCT: Tensor,
    generators: Sequence[torch.Generator | None],
    counts: Sequence[int],
) -> Tensor:
    """Return varied copies of the first `counts` windows of each network, drawn from its own generator.

    Those of networks without a generator, and those that only fill up, stay as they are.
    """
    n_networks, n_windows, *shape = X_MNCT.shape
    low, high = how.magnitude_range
    chosen = X_MNCT.new_ones(2, n_networks, n_windows, 1, 1)
    factor = X_MNCT.new_zeros(n_networks, n_windows, 1, 1)
    noise = torch.zeros_like(X_MNCT)
    for network, (generator, count) in enumerate(zip(generators, counts, strict=False)):
        if generator is not None:
            like = {"generator": generator, "device": X_MNCT.device, "dtype": X_MNCT.dtype}
            chosen[:, network, :count] = torch.rand(2, count, 1, 1, **like)  # type: ignore[call-overload]
            factor[network, :count] = torch.rand(count, 1, 1, **like)  # type: ignore[call-overload]
            noise[network, :count] = torch.randn(count, *shape, **like)  # type: ignore[call-overload]
    is_chosen = chosen < how.probability
    scaled = X_MNCT * torch.where(is_chosen[0], low + (high - low) * factor, 1.0)
    return scaled + torch.where(is_chosen[1], how.jitter_std * noise, 0.0)


@dataclass(frozen=True)
class TrainingSet:
    """Target windows and others, and how batches are made of them."""

    windows: Windows
    """The target's come first."""
    n_target: int
    batch_size: int
    target_share: float | None = None
    """Share of each batch; None mixes all windows evenly."""
    least_steps: int = 0
    """Batches of an epoch at least; whole passes are added until there are as many."""

    @property
    def n_batches(self) -> int:
        """Batches of one epoch."""
        one_pass = self._batches_of_a_pass()
        return one_pass * -(-max(self.least_steps, 1) // one_pass)

    def batches(self, generator: torch.Generator) -> list[Tensor]:
        """Return one epoch of batches, each an int64 tensor of rows of `windows`."""
        found = self._pass(generator)
        while len(found) < self.least_steps:
            found += self._pass(generator)
        return found

    def _pass(self, generator: torch.Generator) -> list[Tensor]:
        if self.target_share is None:
            return list(_shuffled(len(self.windows), generator).split(self.batch_size))
        n_batches = self._batches_of_a_pass()
        columns = [
            start + _cycled(size, n_batches * share, generator).view(n_batches, share)
            for start, size, share in self._shares()
        ]
        return list(torch.cat(columns, dim=1).unbind())

    def _batches_of_a_pass(self) -> int:
        if self.target_share is None:
            return -(-len(self.windows) // self.batch_size)
        return max(-(-size // share) for _, size, share in self._shares())

    def _shares(self) -> list[tuple[int, int, int]]:
        """Return first window, windows and windows a batch of the target and of the others."""
        from_target = target_per_batch(self.batch_size, self.target_share or 0)
        parts = [(0, self.n_target, from_target)]
        parts.append((self.n_target, len(self.windows) - self.n_target, self.batch_size - from_target))
        return [(start, size, share) for start, size, share in parts if share and size]


def training_set(
    target: Windows | None,
    others: Windows | None,
    batch_size: int,
    target_share: float | None = None,
    least_steps: int = 0,
) -> TrainingSet:
    """Return a training set of either or both; at least one must be given."""
    parts = [part for part in (target, others) if part is not None]
    n_target = 0 if target is None else len(target)
    return TrainingSet(concatenate(parts), n_target, batch_size, target_share, least_steps)


def target_per_batch(batch_size: int, share: float) -> int:
    """Return how many windows of a batch are the target's.

    `batch_size * share` rounded down, but at least one of each kind unless the share is exactly 0 or 1.
    """
    if share in (0, 1):
        return batch_size * int(share)
    # 100 * 0.29 is 28.999…96 in floating point, and 29 is meant.
    return min(max(1, int(batch_size * share + 1e-9)), batch_size - 1)


def random_share(windows: Windows, share: float, seed: int) -> Windows:
    """Return a random share of the windows, at least one; a smaller share is part of a larger one."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "target_data", 0))
    order = torch.randperm(len(windows), generator=generator)
    kept = max(1, round(len(windows) * share))
    return windows.select(order[:kept].sort().values)


def _shuffled(size: int, generator: torch.Generator) -> Tensor:
    return torch.randperm(size, generator=generator, device=generator.device)


def _cycled(size: int, length: int, generator: torch.Generator) -> Tensor:
    """Return `length` indices: whole shuffles of `range(size)`, one after the other, the last one cut."""
    rounds = -(-length // size)
    # Sorting noise shuffles every round at once, where a loop would call randperm thousands of times.
    noise = torch.rand(rounds, size, generator=generator, device=generator.device)
    return noise.argsort(dim=1).flatten()[:length]
