"""The layers of M networks of one shape, as one layer each.

Shapes: M networks, B windows of each, C channels, T samples, F features, K classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainers.personalization.fitting.dense import linear


def forward(layers: nn.Sequential, X: Tensor, leaves: Iterator[Tensor]) -> Tensor:
    """Return what layers make of windows [M, B, C, T], without dropout: all of them the logits [M, B, K].

    `leaves` are the parameters of the networks, stacked.
    """
    for layer in layers:
        X = _LAYERS[type(layer)](layer, X, leaves)
    return X


def dropouts(layers: nn.Sequential) -> list[float]:
    """Return the share that each layer of dropout drops."""
    return [layer.p for layer in layers if isinstance(layer, nn.Dropout)]


def _linear(layer: nn.Linear, X_MBF: Tensor, leaves: Iterator[Tensor]) -> Tensor:
    return linear(X_MBF, next(leaves), next(leaves))


def _conv(layer: nn.Conv1d, X_MBCT: Tensor, leaves: Iterator[Tensor]) -> Tensor:
    weight, bias = next(leaves), next(leaves)
    if X_MBCT.device.type == "cpu":
        # Groups gain nothing where arithmetic binds, and their rounding depends on how many there are.
        each = zip(X_MBCT.unbind(), weight.unbind(), bias.unbind(), strict=True)
        return torch.stack([functional.conv1d(x, w, b, padding="same") for x, w, b in each])
    return grouped_conv(X_MBCT, weight, bias)


def grouped_conv(X_MBCT: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Return the convolutions of all networks as one with as many groups."""
    count, windows, channels, samples = X_MBCT.shape
    wide = X_MBCT.transpose(0, 1).reshape(windows, count * channels, samples)
    found = functional.conv1d(wide, weight.flatten(0, 1), bias.flatten(), padding="same", groups=count)
    return found.view(windows, count, -1, samples).transpose(0, 1)


def _group_norm(layer: nn.GroupNorm, X_MBCT: Tensor, leaves: Iterator[Tensor]) -> Tensor:
    weight, bias = next(leaves), next(leaves)
    plain = functional.group_norm(X_MBCT.flatten(0, 1), layer.num_groups, eps=layer.eps)
    return torch.addcmul(bias[:, None, :, None], plain.view(X_MBCT.shape), weight[:, None, :, None])


def _pool(layer: nn.AdaptiveAvgPool1d, X_MBCT: Tensor, leaves: Iterator[Tensor]) -> Tensor:
    found: Tensor = layer(X_MBCT.flatten(0, 1))
    return found.view(*X_MBCT.shape[:3], -1)


_LAYERS: dict[type[nn.Module], Callable[..., Tensor]] = {
    nn.AdaptiveAvgPool1d: _pool,
    nn.Conv1d: _conv,
    nn.Dropout: lambda layer, X, leaves: X,
    nn.Flatten: lambda layer, X, leaves: X.flatten(2),
    nn.GroupNorm: _group_norm,
    nn.Linear: _linear,
    nn.ReLU: lambda layer, X, leaves: X.relu(),
}
