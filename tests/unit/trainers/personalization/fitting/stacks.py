"""Small networks and windows for trainings, alone and together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from trainers.personalization.data import Windows
from trainers.personalization.fitting.courses import Progress, Schedule, Trainee
from trainers.personalization.fitting.training import fit
from trainers.personalization.networks import NetworkSpec
from trainers.personalization.recipe.inputs import learn_inputs
from trainers.personalization.sampling import training_set

SPEC = NetworkSpec("mlp", 2, 10, 3, 0.3, (3, 4), 3, (6, 5), "standardised")
SCHEDULE = Schedule("target", 4, 2, 0.02, 0, None, cosine=True, label_smoothing=0.1, average=0.9)


def windows(count: int, seed: int, dtype: torch.dtype = torch.float64) -> Windows:
    """Return windows [count, 2, 10] whose level tells their class of three, with noise."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(3, (count,), generator=generator)
    X = torch.randn(count, 2, 10, generator=generator, dtype=dtype) + y[:, None, None]
    return Windows(X, y)


def trainee(
    spec: NetworkSpec = SPEC,
    seed: int = 0,
    *,
    target: int = 9,
    others: int = 0,
    batch_size: int = 8,
    share: float | None = None,
    dtype: torch.dtype = torch.float64,
    **changes: Any,
) -> Trainee:
    """Return a training that is made of its arguments alone."""
    torch.manual_seed(seed)
    network = spec.build().to(dtype)
    own, rest = windows(target, seed, dtype), windows(others, seed + 1, dtype) if others else None
    train = training_set(own, rest, batch_size, share, 3)
    learn_inputs(network, train.windows.X_NCT)
    schedule = replace(SCHEDULE, seed=seed, **changes)
    return Trainee(network, train, windows(7 + seed % 5, seed + 2, dtype), schedule, ignore)


def ignore(epoch: int, epochs: int, **figures: float) -> None:
    """Report to nobody."""


def went(trainees: list[Trainee]) -> list[Progress]:
    """Train all at once and return how it went; none may fail."""
    endings = fit(trainees)
    assert all(isinstance(ending, Progress) for ending in endings)
    return [ending for ending in endings if isinstance(ending, Progress)]


def weights(network: nn.Module) -> Tensor:
    """Return all parameters as one vector."""
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()]).clone()


def best(progress: Progress) -> Tensor:
    """Return the best weights as one vector."""
    return torch.cat([tensor.flatten() for tensor in progress.best_weights.values()])
