"""How many networks learn as one: as many as what they keep for the way back has room for."""

from __future__ import annotations

from torch import nn

from trainers.personalization.fitting.courses import Trainee
from trainers.personalization.fitting.epochs import width

_MOST_NUMBERS = 1 << 26
"""Of all activations of a step: a quarter of a GiB in float32, and several times that on the way back."""


def at_once(trainee: Trainee) -> int:
    """Return how many networks like this one are trained at once, at least one."""
    X = trainee.train.windows.X_NCT
    samples = X.shape[1] * X.shape[2]
    widest = [samples]
    for layer in trainee.network.modules():
        if isinstance(layer, nn.Conv1d):
            widest.append(layer.out_channels * X.shape[2])
        elif isinstance(layer, nn.Linear):
            widest.append(layer.out_features)
    return max(1, _MOST_NUMBERS // (width(trainee.train) * sum(widest)))
