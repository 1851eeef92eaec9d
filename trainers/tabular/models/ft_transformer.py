"""FT-Transformer (Gorishniy et al., 2021, "Revisiting Deep Learning Models for Tabular Data").

Our own, so that members stack; held to the authors' package `rtdl_revisiting_models` 0.0.2 in the tests.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from trainers.tabular.data.dataset import Columns
from trainers.tabular.models.layers import CategoryTable, Constant, Dropout, NumericTokens, SelfAttention


@dataclass(frozen=True)
class FtSizes:
    """How large the network is: the authors' default with three blocks."""

    width: int = 192
    heads: int = 8
    hidden: int = 256
    """Units of the hidden layer of a block: 4/3 of the width."""
    blocks: int = 3
    attention_dropout: float = 0.2
    hidden_dropout: float = 0.1


class FtBlock(nn.Module):
    """Attention and a gated hidden layer (ReGLU), each after a norm, but for the first of all."""

    def __init__(self, sizes: FtSizes, *, first: bool) -> None:
        super().__init__()
        width = sizes.width
        self.attention_norm = nn.Identity() if first else nn.LayerNorm(width)
        self.attention = SelfAttention(width, sizes.heads, sizes.attention_dropout)
        nn.init.uniform_(self.attention.inward.weight, -(width**-0.5), width**-0.5)
        self.hidden_norm = nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * sizes.hidden), nn.Linear(sizes.hidden, width)
        self.dropout = Dropout(sizes.hidden_dropout)

    def forward(self, x: Tensor, queries: int | None = None) -> Tensor:
        """Return [N, T, D] for [N, T, D]; with `queries` for the first of the tokens alone."""
        x = x[..., :queries, :] + self.attention(self.attention_norm(x), queries)
        value, gate = self.up(self.hidden_norm(x)).chunk(2, -1)
        return x + self.down(self.dropout(value * functional.relu(gate)))


class FtTransformer(nn.Module):
    """Columns as tokens of their own weights, a token of its own that is read out after the last block."""

    def __init__(self, columns: Columns, outputs: int, sizes: FtSizes) -> None:
        super().__init__()
        width, bound, known = sizes.width, sizes.width**-0.5, columns.cardinalities
        self.read_out = Constant(torch.empty(1, width).uniform_(-bound, bound))
        self.numeric = NumericTokens(len(columns.numeric), width)
        self.categories = CategoryTable(known, width) if known else None
        drawn = torch.empty(len(known), width).uniform_(-bound, bound)
        self.category_bias = Constant(drawn) if known else None
        self.blocks = nn.ModuleList(FtBlock(sizes, first=not number) for number in range(sizes.blocks))
        self.head_norm, self.head = nn.LayerNorm(width), nn.Linear(width, outputs)

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        """Return [N, outputs] for prepared columns [N, F] and [N, C]."""
        x = self._tokens(numeric, categories)
        for number, block in enumerate(self.blocks, 1):
            # Of the last block only the token that is read out is wanted.
            x = block(x, 1 if number == len(self.blocks) else None)
        return self.head(functional.relu(self.head_norm(x[..., 0, :])))

    def without_decay(self) -> set[str]:
        """Return the parameters that weight decay leaves alone: tokens, norms and biases."""
        return {name for name, _ in self.named_parameters() if _is_without_decay(name)}

    def _tokens(self, numeric: Tensor, categories: Tensor) -> Tensor:
        tokens = self.numeric(numeric)
        first = self.read_out().expand(*tokens.shape[:-2], 1, tokens.shape[-1])
        parts = [first, tokens]
        if self.categories is not None and self.category_bias is not None:
            parts.append(self.categories(categories) + self.category_bias())
        return torch.cat(parts, -2)


def _is_without_decay(name: str) -> bool:
    tokens = ("read_out.", "numeric.", "categories.", "category_bias.")
    return name.startswith(tokens) or name.endswith((".bias", "attention_norm.weight", "hidden_norm.weight"))
