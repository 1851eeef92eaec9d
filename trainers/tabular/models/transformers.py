"""The two transformers of a published script for the pMSSM: columns as tokens, a row as their sequence."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainers.tabular.data.dataset import Columns
from trainers.tabular.models.layers import CategoryTable, Constant, EncoderBlock


@dataclass(frozen=True)
class TransformerSizes:
    """How large a transformer is."""

    width: int = 128
    heads: int = 4
    hidden: int = 512
    """Units of the hidden layer of a block and of the head."""
    blocks: int = 3
    dropout: float = 0.1
    """As `torch.nn.TransformerEncoderLayer` has it where nothing is said."""


class _Encoder(nn.Module):
    """Blocks, one after the other."""

    def __init__(self, sizes: TransformerSizes) -> None:
        super().__init__()
        shape = (sizes.width, sizes.heads, sizes.hidden, sizes.dropout)
        self.blocks = nn.ModuleList(EncoderBlock(*shape) for _ in range(sizes.blocks))

    def forward(self, x: Tensor, wanted: int | None = None) -> Tensor:
        """Return [N, T, D] for [N, T, D]; with `wanted` so many of the first tokens alone, for less work."""
        for number, block in enumerate(self.blocks, 1):
            x = block(x, wanted if number == len(self.blocks) else None)
        return x


class Transformer(nn.Module):
    """All columns share one embedding, learned positions tell them apart, a token of its own is read out."""

    def __init__(self, columns: Columns, outputs: int, sizes: TransformerSizes) -> None:
        super().__init__()
        width, hidden = sizes.width, sizes.hidden
        self.embedding, self.embedding_norm = nn.Linear(1, width), nn.LayerNorm(width)
        known = columns.cardinalities
        self.categories = CategoryTable(known, width) if known else None
        self.positions = Constant(torch.randn(len(columns.names), width) * 0.02)
        self.read_out = Constant(torch.randn(1, width) * 0.02)
        self.encoder = _Encoder(sizes)
        self.head = nn.Sequential(
            nn.LayerNorm(width),
            *(nn.Linear(width, hidden), nn.ReLU()),
            *(nn.Linear(hidden, hidden // 2), nn.ReLU(), nn.Linear(hidden // 2, outputs)),
        )

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        """Return [N, outputs] for prepared columns [N, F] and [N, C]."""
        x = self.embedding_norm(self.embedding(numeric.unsqueeze(-1))).relu()
        if self.categories is not None:
            x = torch.cat([x, self.categories(categories)], -2)
        first = self.read_out().expand(*x.shape[:-2], 1, x.shape[-1])
        x = torch.cat([first.to(x.dtype), x + self.positions()], -2)
        return self.head(self.encoder(x, 1)[..., 0, :])


class TabularTransformer(nn.Module):
    """Every column has an embedding of its own, without positions; the tokens are pooled by attention."""

    def __init__(self, columns: Columns, outputs: int, sizes: TransformerSizes) -> None:
        super().__init__()
        width, hidden, numeric = sizes.width, sizes.hidden, len(columns.numeric)
        self.weight = Constant(torch.empty(numeric, width).uniform_(-1, 1))
        self.bias = Constant(torch.empty(numeric, width).uniform_(-1, 1))
        self.norm_weight = Constant(torch.ones(numeric, width))
        self.norm_bias = Constant(torch.zeros(numeric, width))
        known = columns.cardinalities
        self.categories = CategoryTable(known, width) if known else None
        self.encoder = _Encoder(sizes)
        self.attention = nn.Linear(width, 1)
        self.head = nn.Sequential(
            *(nn.Linear(width, hidden), nn.LayerNorm(hidden), nn.ReLU()),
            *(nn.Linear(hidden, hidden // 2), nn.ReLU(), nn.Linear(hidden // 2, outputs)),
        )

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        """Return [N, outputs] for prepared columns [N, F] and [N, C]."""
        x = self._tokens(numeric)
        if self.categories is not None:
            x = torch.cat([x, self.categories(categories)], -2)
        x = self.encoder(x)
        shares = self.attention(x).softmax(-2)
        return self.head((shares.to(x.dtype) * x).sum(-2))

    def _tokens(self, numeric: Tensor) -> Tensor:
        x = numeric.unsqueeze(-1) * self.weight() + self.bias()
        return functional.layer_norm(x, x.shape[-1:]) * self.norm_weight() + self.norm_bias()
