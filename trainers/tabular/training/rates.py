"""The learning rate along a training."""

from __future__ import annotations

import math

from trainers.tabular.training.members import Options


def rate_at(options: Options, highest: float, epoch: int, done: float) -> float:
    """Return the rate of a step: `epoch` counts from 0, `done` is the share of it that is over.

    `cosine` changes from epoch to epoch, as `torch.optim.lr_scheduler.CosineAnnealingLR` does; `coslog4` from
    step to step, in four cycles that get longer, as RealMLP has it: 0 at the start and at the end.
    """
    if options.schedule == "constant":
        return highest
    if options.schedule == "cosine":
        share = (1 + math.cos(math.pi * epoch / options.epochs)) / 2
        return options.least_rate + (highest - options.least_rate) * share
    progress = (epoch + done) / options.epochs
    return highest * (1 - math.cos(2 * math.pi * math.log2(1 + 15 * progress))) / 2
