"""The networks: windows [N, C, T] in, one logit a class [N, K] out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from trainers.personalization.options import PersonalizationOptions
from trainers.personalization.recipe.inputs import LAYERS

_POOLED = 8


@dataclass(frozen=True)
class NetworkSpec:
    """All that is needed to build a network of the right shape."""

    model: str
    """cnn, mlp or test."""
    n_channels: int
    window_size: int
    n_classes: int
    dropout: float
    conv_channels: tuple[int, ...]
    kernel_size: int
    hidden_sizes: tuple[int, ...]
    inputs: str = "raw"
    """`standardised` by statistics that are part of the weights, or raw: base models of before have none."""

    def build(self) -> nn.Sequential:
        """Return the network with fresh weights, drawn from torch's global generator."""
        layers = {"cnn": _cnn, "mlp": _mlp, "test": _test}[self.model](self)
        if self.inputs in LAYERS:
            # A network that knows the samples of a window apart has statistics of each.
            samples = self.window_size if self.model == "mlp" else 1
            layers.insert(0, LAYERS[self.inputs]((self.n_channels, samples)))
        return nn.Sequential(*layers)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as JSON types."""
        return {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(self).items()}


def spec_of(options: PersonalizationOptions, n_channels: int, n_classes: int) -> NetworkSpec:
    """Return the network that the options ask for, for data of these channels and classes."""
    return NetworkSpec(
        model=options.model,
        n_channels=n_channels,
        window_size=options.window_size,
        n_classes=n_classes,
        dropout=options.dropout,
        conv_channels=options.conv_channels,
        kernel_size=options.kernel_size,
        hidden_sizes=options.hidden_sizes,
        inputs=options.inputs,
    )


def logits(network: nn.Module, X_NCT: Tensor) -> Tensor:
    """Return the logits [N, K] of the windows."""
    output: Tensor = network(X_NCT)
    return output


def _cnn(spec: NetworkSpec) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for wide_in, wide_out in pairwise((spec.n_channels, *spec.conv_channels)):
        # Normalising each window by itself, so that fine-tuning on few windows keeps no stale statistics.
        layers += [
            nn.Conv1d(wide_in, wide_out, spec.kernel_size, padding="same"),
            nn.GroupNorm(1, wide_out),
            nn.ReLU(),
        ]
    return [
        *layers,
        nn.AdaptiveAvgPool1d(_POOLED),
        nn.Flatten(),
        nn.Dropout(spec.dropout),
        nn.Linear(spec.conv_channels[-1] * _POOLED, spec.n_classes),
    ]


def _mlp(spec: NetworkSpec) -> list[nn.Module]:
    layers: list[nn.Module] = [nn.Flatten()]
    for wide_in, wide_out in pairwise((spec.n_channels * spec.window_size, *spec.hidden_sizes)):
        layers += [nn.Linear(wide_in, wide_out), nn.ReLU(), nn.Dropout(spec.dropout)]
    return [*layers, nn.Linear(spec.hidden_sizes[-1], spec.n_classes)]


def _test(spec: NetworkSpec) -> list[nn.Module]:
    return [
        nn.AdaptiveAvgPool1d(_POOLED),
        nn.Flatten(),
        nn.Linear(spec.n_channels * _POOLED, 16),
        nn.ReLU(),
        nn.Dropout(spec.dropout),
        nn.Linear(16, spec.n_classes),
    ]
