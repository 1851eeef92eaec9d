"""The plain network that a published script for the pMSSM trains beside its transformers."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from trainers.tabular.data.dataset import Columns
from trainers.tabular.models.layers import CategoryTable


@dataclass(frozen=True)
class MlpSizes:
    """How large the network is."""

    embedding: int = 64
    """Length of the vector that a column becomes."""
    hidden: int = 512
    """Units of a hidden layer."""
    layers: int = 4
    """Hidden layers."""


class Mlp(nn.Module):
    """One linear map shared by all columns, then hidden layers with ReLU over all vectors side by side."""

    def __init__(self, columns: Columns, outputs: int, sizes: MlpSizes) -> None:
        super().__init__()
        self.numeric = nn.Linear(1, sizes.embedding)
        known = columns.cardinalities
        self.categories = CategoryTable(known, sizes.embedding) if known else None
        widths = [len(columns.names) * sizes.embedding, *[sizes.hidden] * sizes.layers]
        pairs = pairwise(widths)
        self.hidden = nn.ModuleList(nn.Linear(before, after) for before, after in pairs)
        self.head = nn.Linear(widths[-1], outputs)

    def forward(self, numeric: Tensor, categories: Tensor) -> Tensor:
        """Return [N, outputs] for prepared columns [N, F] and [N, C]."""
        x = self.numeric(numeric.unsqueeze(-1))
        if self.categories is not None:
            x = torch.cat([x, self.categories(categories)], -2)
        x = x.flatten(-2)
        for layer in self.hidden:
            x = layer(x).relu()
        return self.head(x)
