"""The two kinds of probe as ordinary modules: how one is trained alone, saved, and used afterwards."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainers.common.seeds import seeded
from trainers.probes.fitting.plan import DropoutShape
from trainers.probes.settings import ATTENTION_HEADS, Settings


class LinearProbe(nn.Module):
    """One logit from a weighted sum of the activations; dropout acts on its inputs."""

    def __init__(self, n_features: int, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.linear = nn.Linear(n_features, 1, dtype=dtype)

    def forward(self, x_BD: Tensor) -> Tensor:
        """Return logits [B]."""
        logits: Tensor = self.linear(x_BD).squeeze(-1)
        return logits


class MultiheadProbe(nn.Module):
    """Two ReLU layers, self-attention over a sequence of length one, one logit.

    Attention over one position always has weight one, so only its value and output projections act.
    """

    def __init__(
        self, n_features: int, hidden: int, dropout: float, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.input = nn.Linear(n_features, hidden, dtype=dtype)
        self.hidden = nn.Linear(hidden, hidden, dtype=dtype)
        self.attention = nn.MultiheadAttention(hidden, ATTENTION_HEADS, batch_first=True, dtype=dtype)
        self.output = nn.Linear(hidden, 1, dtype=dtype)

    def forward(self, x_BD: Tensor, keep: tuple[Tensor, ...] = ()) -> Tensor:
        """Return logits [B]; `keep` holds what dropout keeps of both hidden layers, bool [B, H] each."""
        first = self._drop(self.input(x_BD).relu(), keep[:1])
        second = self._drop(self.hidden(first).relu(), keep[1:])
        sequence = second.unsqueeze(1)
        attended, _ = self.attention(sequence, sequence, sequence, need_weights=False)
        logits: Tensor = self.output(attended.squeeze(1)).squeeze(-1)
        return logits

    def _drop(self, hidden_BH: Tensor, keep: tuple[Tensor, ...]) -> Tensor:
        return hidden_BH * keep[0] / (1 - self.dropout) if keep else hidden_BH


def new_module(settings: Settings, n_features: int) -> LinearProbe | MultiheadProbe:
    """Return a probe of the kind that `settings` names, with random weights of its compute type."""
    if settings.model_type == "linear":
        return LinearProbe(n_features, settings.compute_dtype)
    return MultiheadProbe(n_features, settings.hidden_dim, settings.dropout, settings.compute_dtype)


def seeded_module(settings: Settings, n_features: int, probe: int) -> LinearProbe | MultiheadProbe:
    """Return probe number `probe` as training begins: the same whatever else is trained beside it."""
    with seeded((settings.seed << 20) + probe):
        return new_module(settings, n_features)


def dropout_shape(settings: Settings) -> DropoutShape:
    """Say where the probe that `settings` names drops activations."""
    if settings.model_type == "linear":
        return DropoutShape(settings.dropout, inputs=True)
    return DropoutShape(settings.dropout, inputs=False, hidden=(settings.hidden_dim, settings.hidden_dim))
