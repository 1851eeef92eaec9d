"""Importance by permutation: how much worse a model is where one column is shuffled over rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numeric = NDArray[np.float32]
Categories = NDArray[np.int64]
Loss = Callable[[Numeric, Categories], float]
"""From numeric [N, F] and categorical [N, C] inputs to a loss: smaller is better."""


@dataclass(frozen=True)
class Importance:
    """What shuffling one column adds to the loss: mean and standard deviation over repeats."""

    column: str
    mean: float
    spread: float


def permutation_importance(
    loss: Loss,
    inputs: tuple[Numeric, Categories],
    names: tuple[tuple[str, ...], tuple[str, ...]],
    repeats: int = 3,
    seed: int = 0,
) -> list[Importance]:
    """Return the importance of each column, the largest first.

    `names` are those of the numeric and of the categorical columns.  Breiman, "Random forests", 2001.
    """
    before = loss(*inputs)
    found = []
    for part in (0, 1):
        for place, name in enumerate(names[part]):
            random = np.random.default_rng([seed, part, place])
            added = [_shuffled_loss(loss, inputs, (part, place), random) - before for _ in range(repeats)]
            found.append(Importance(name, float(np.mean(added)), float(np.std(added))))
    return sorted(found, key=lambda one: -one.mean)


def _shuffled_loss(
    loss: Loss, inputs: tuple[Numeric, Categories], at: tuple[int, int], random: np.random.Generator
) -> float:
    part, place = at
    numeric, categories = inputs[0].copy(), inputs[1].copy()
    column = numeric[:, place] if part == 0 else categories[:, place]
    column[:] = random.permutation(column)
    return loss(numeric, categories)
